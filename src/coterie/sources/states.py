"""Words that states of orders and kinds of events have, in several languages."""

from coterie.sources.vocabulary import words_of

CANCELLED = frozenset(
    """cancelled canceled cancel refunded refund returned return void voided storniert storno retoure annule annulee
    rembourse cancelado devuelto reembolsado annullato rimborsato geannuleerd avbruten failed declined chargeback""".split()  # noqa: SIM905
)
WON = frozenset(
    """won closedwon gewonnen gagne gagnee ganado vinto""".split()  # noqa: SIM905
)
LOST = frozenset(
    """lost closedlost verloren perdu perdue perdido perso""".split()  # noqa: SIM905
)
STATES = (
    CANCELLED
    | WON
    | LOST
    | frozenset(
        """paid shipped delivered pending processing complete completed open closed new active fulfilled unpaid versandt
    bezahlt offen livre expediee engaging prospecting qualified negotiation onhold""".split()  # noqa: SIM905
    )
)
BUYING = frozenset(
    """purchase purchased order ordered ordercompleted orderplaced buy bought checkoutcomplete checkoutcompleted
    purchasecompleted transaction kauf bestellung achat compra paymentcompleted orderconfirmed""".split()  # noqa: SIM905
)
CART = frozenset(
    """cartadded addtocart addedtocart cartadd productadded addcart basketadd addtobasket cart additemtocart""".split()  # noqa: SIM905
)


def folded(value: str) -> str:
    """A value as one word of small letters, to compare with known words."""
    return "".join(words_of(value))
