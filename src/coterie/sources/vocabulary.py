"""What the names of columns and files mean, in several languages and styles: `CustomerID`, `kd_nr`, `fecha_pedido`.

A name is cut into words (`InvoiceNo` → invoice, no); the words are looked up alone and joined. The answer is a share of
certainty for each meaning that the name can have; values have the last word.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

_WORDS = {
    # who
    "customer": """клиент покупатель 客户 顧客 会员 会員 customer customers client clients cust user users member
        members membership buyer
        buyers shopper consumer subscriber patient guest visitor contact contacts person people respondent participant
        cardholder policyholder kunde kunden kundin kd kdnr knr besteller mitglied teilnehmer nutzer benutzer cliente
        clientes comprador usuario usuarios socio acheteur utilisateur membre adherent abonne acquirente utente klant
        klanten gebruiker lid kund kunder asiakas bruger medlem bruker klient klienci odbiorca uzytkownik zakaznik
        musteri donor student employee profile donateur loyaltycard cardnumber cardno customerkey userid custid clientid
        msisdn anonymousid distinctid visitorid cookie""",
    "account": """account accounts company companies organisation organization organisations organizations
        org tenant firm firma
        unternehmen empresa entreprise societe azienda bedrijf foretag yritys workspace accountid companyid""",
    "email": "email mail emailaddress mailadresse courriel correo epost eposta",
    "phone": "phone telephone telefon mobile tel handy telefono telefoon phonenumber",
    "first_name": "firstname givenname forename vorname prenom nombre nome fname",
    "last_name": "lastname surname familyname nachname apellido cognome achternaam lname",
    "full_name": "nom nome navn namn naam fullname customername clientname username name contactname kundenname",
    "birth_date": """birthdate dateofbirth dob birthday geburtsdatum geburtstag datenaissance naissance
        fechanacimiento nacimiento
        datadinascita geboortedatum born""",
    "birth_year": "yearbirth birthyear yearofbirth geburtsjahr yob",
    "age": "age alter edad eta leeftijd agegroup ageband",
    "gender": "gender sex geschlecht sexe sexo sesso genero geslacht kon",
    "income": "income annualincome salary wage einkommen gehalt revenu ingresos reddito inkomen householdincome",
    "education": "education degree bildung bildungsabschluss formation educacion istruzione opleiding",
    "marital": "marital maritalstatus married familienstand etatcivil estadocivil partner civilstatus",
    "household": "household householdsize haushalt familysize foyer hogar",
    "children": "children kids kidhome teenhome dependents kinder enfants hijos child",
    "occupation": "job occupation profession beruf metier profesion professione beroep jobtitle",
    "language": "language lang locale sprache langue idioma lingua taal",
    # what
    "order": """заказ чек 订单 注文 注文番号 order orders invoice invoices transaction transactions trans txn tx
        receipt receipts basket
        ticket purchase checkout bill beleg belegnr rechnung rechnungsnr bestellung auftrag bon kassenbon commande
        facture pedido factura ordine fattura scontrino bestelling factuur faktura kvitto tilaus zamowienie faktury
        objednavka siparis orderid invoiceno ordernumber bestellnummer auftragsnummer numcommande""",
    "event_id": """eventid messageid responseid rowid uuid guid hitid logid conversationid opportunityid refundid ticketid""",
    "session": "session sessionid visitid sitzung sesion",
    "product": """товар 商品 产品 product products item items sku stockcode stock article articles artikel
        artikelnr produkt produkte
        producto productos produit articulo prodotto articolo produktnr asin isbn ean gtin upc productid itemid
        itemdescription productname itemname plan_name vare tuote towar produto""",
    "product_text": "description desc beschreibung bezeichnung artikelbezeichnung libelle descripcion descrizione",
    "category": """категория 类别 category categories dept department kategorie warengruppe sparte categoria categorie rubrique
        productcategory productline series genre subcategory family segmentproduct""",
    "brand": "brand marke marque marca merk manufacturer",
    "quantity": """количество 数量 quantity qty menge anzahl stueck stuck stk units unit quantite cantidad
        quantita aantal antal
        maara ilosc mnozstvi adet numitems itemcount cds pieces count nbarticles""",
    "price": """цена 单价 単価 価格 price unitprice itemprice preis einzelpreis stueckpreis stuckpreis vkpreis prix prixunitaire
        precio preciounitario prezzo prijs pris hinta cena fiyat unitcost listprice""",
    "amount": """сумма 金额 金額 amount total totals revenue sales value turnover spend spent spending gross net paid payment
        totalamount ordertotal totalprice grandtotal subtotal linetotal ordervalue purchaseamount salesamount closevalue
        umsatz betrag summe gesamtbetrag gesamtpreis gesamt wert montant totalttc importe monto valor ventas importo
        totale bedrag omzet belopp summa kwota wartosc castka tutar usd gbp eur price_total""",
    "discount": "discount rabatt remise descuento sconto korting markdown couponvalue rebate",
    "currency": "currency waehrung wahrung devise moneda valuta currencycode",
    "status": "status state orderstatus zustand statut estado stato dealstage stage paymentstatus fulfillmentstatus",
    "store": "store shop filiale laden magasin tienda negozio winkel branch outlet location",
    "sales_channel": "channel saleschannel kanal canal canale verkaufskanal",
    # when
    "time": """дата время 注文日 購入日 日期 日付 时间 日時 date time datetime timestamp ts at when datum zeit zeitpunkt
        zeitstempel uhrzeit
        fecha hora data ora jour heure horodatage dato tid pvm aika czas tarih orderdate invoicedate orderedat
        purchasedate transactiondate bestelldatum rechnungsdatum belegdatum kaufdatum fechapedido datecommande createdat
        occurredat eventtime purchasedat answeredat sentat openedat refundedat submittedat placedat happened
        eventtimestamp dt engagedate""",
    "since": """since signup signupdate registered registeredat registration registrationdate joined joindate joinedat
        membersince customersince startdate createdon dtcustomer firstseen firstseenat onboarded activationdate enrolled
        anmeldedatum registrierungsdatum kundeseit inscription dateinscription fecharegistro fechaalta activated
        signupat signedup signedupat customersincedate accountcreated""",
    "updated": "updated updatedat modified modifiedat lastmodified geaendert aktualisiert changedat",
    "closed": "closedate closedat closed ended enddate abschlussdatum completedat",
    "month_name": "month monat mois mes mese maand",
    "day_of": "day weekday dow wochentag tag",
    # what they did
    "event": "event eventtype eventname activity activitytype action actiontype ereignis evento evenement interaction",
    "page": "page url path pageurl seite",
    "referrer": "referrer referer",
    "campaign": "campaign campaignid campaignname kampagne campagne campana utmcampaign newsletterid mailing",
    "variant": "variant variante arm treatment testgroup abgroup experiment group",
    "response": "response responded accepted conversion converted clicked opened acceptedcmp",
    "satisfaction": "satisfaction csat nps rating score stars zufriedenheit bewertung",
    "topic": "topic subject thema sujet reason",
    # where
    "country": "страна 国家 国 country countries land pays pais paese kraj zeme ulke countrycode nation maa",
    "region": "region state province county bundesland provinz departement provincia regione district territory",
    "city": "город 城市 city town ort stadt ville ciudad citta stad miasto mesto sehir suburb wohnort locality",
    "postcode": "postcode postalcode zip zipcode plz postleitzahl codepostal codigopostal cap postal pincode",
    "latitude": "latitude lat breitengrad",
    "longitude": "longitude lon lng long laengengrad",
    "setting": "setting urbanity urban settlement",
    "address": "address street strasse adresse rue calle via addressline streetnumber hausnummer",
    # with what
    "device": "device devicetype geraet dispositivo appareil handset devicemodel",
    "os": "os operatingsystem osname osversion betriebssystem",
    "browser": "browser useragent",
    "app_version": "appversion version clientversion",
    "platform": "platform plattform plateforme",
    "internet": "internetservice internet connection",
    # company
    "company": "companyname accountname organisationname firmenname raisonsociale company",
    "industry": "industry sector branche vertical secteur sectoractividad settore industrie naics sic",
    "employees": "employees employeecount headcount staff mitarbeiter mitarbeiterzahl effectif empleados companysize",
    "annual_revenue": "annualrevenue yearlyrevenue companyrevenue jahresumsatz turnoverannual",
    # how they came, and how loyal
    "acquisition": """acquisitionchannel acquisition source utmsource medium utmmedium leadsource herkunft
        origin signupsource
        firsttouch""",
    "loyalty": "loyaltytier tier loyalty loyaltylevel memberlevel memberstatus status_level cardtype clubtier",
    "points": "points loyaltypoints punkte bonuspunkte puntos",
    "plan": """plan contract subscription tariff tarif vertrag contrat contrato abonnement abo package product_plan
        plantype""",
    "tenure": "tenure monthsactive tenuremonths yearscustomer laufzeit",
    "payment": "paymentmethod zahlungsart paymenttype modepaiement",
    "charge": "monthlycharges monthlycharge mrr monthlyfee monatsbeitrag arr",
    "charged": "totalcharges totalcharge lifetimevalue ltv clv totalspent totalspend lifetimerevenue history balance",
    "churn": "churn churned cancelled canceled attrition exited left terminated kuendigung lost",
    "recency": "recency dayssince dayssincelast lastpurchasedays pdays",
    "frequency": "frequency numorders ordercount purchasecount numpurchases bestellungen orderscount",
    "complaint": "complain complaint complaints beschwerde",
    # may be written to
    "consent": """consent optin optedin optout newsletter permission gdpr subscribed marketingconsent emailconsent
        marketingconsentemail marketingconsentsms einwilligung consentement acceptsmarketing emailoptin smsoptin
        marketingoptin werbeeinwilligung""",
    "tags": "tags tag labels label schlagworte interests interessen keywords",
    "unsubscribed": "unsubscribed unsubscribe optedout abgemeldet",
    "text": "text body comment comments note notes kommentar feedback verbatim remark",
}
"""Meaning → words, each as it reads when a name's words are joined."""

_ID = frozenset(
    """id ids no nr num number nummer nummern numero nro key code ref reference uuid guid identifier
    identifiant identificador kennung n""".split()  # noqa: SIM905
)
_DATE = frozenset(
    """date datum time at on ts dt timestamp day zeit fecha data dato дата when datetime""".split()  # noqa: SIM905
)
_FILLER = frozenset(
    """the of de del la le da di du der die das den der von for z is has x f dim fact tbl table""".split()  # noqa: SIM905
)
_PERSONAL = frozenset({"email", "phone", "first_name", "last_name", "full_name", "birth_date", "address", "postcode"})
_LONG = 5
"""From this length on a word counts inside a longer one (`Kundennummer`)."""


def words_of(name: str) -> tuple[str, ...]:
    """The words of a name, lower case, without accents: `InvoiceNo`, `invoice_no` and `Invoice No.` are (invoice, no)."""
    text = name.replace("ß", "ss").replace("ł", "l").replace("Ł", "L").replace("ø", "o")
    text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[a-zA-Z])(?=\d{2,})", " ", text)
    return tuple(w.lower() for w in re.split(r"[^\w]+|_+", text) if w)


def without_unit(name: str) -> str:
    """A name without what stands in parentheses: `Annual Income (k$)` is Annual Income."""
    return re.sub(r"\s*[(\[][^)\]]*[)\]]", "", name).strip() or name


def slug(name: str) -> str:
    """A name in plain letters that needs no quotes anywhere: `Annual Income (k$)` becomes annual_income."""
    out = "_".join(words_of(re.sub(r"[^\x00-\x7f]", _plain_letter, without_unit(name))))
    out = re.sub(r"[^a-z0-9_]+", "", out).strip("_")
    return out if out and not out[0].isdigit() else f"c_{out}" if out else "column"


def slug_of_value(value: str) -> str:
    """A value in plain letters: `iOS 18.5` becomes ios_18_5 (no words are looked for inside)."""
    text = re.sub(r"[^\x00-\x7f]", _plain_letter, value).lower()
    out = re.sub(r"[^a-z0-9]+", "_", text).strip("_")
    return out if out and not out[0].isdigit() else f"c_{out}" if out else "value"


def _plain_letter(found: re.Match[str]) -> str:
    bare = "".join(c for c in unicodedata.normalize("NFKD", found[0]) if c.isascii())
    return bare or "_"


def singular(word: str) -> str:
    """`orders` → order, `categories` → category; words that are none stay."""
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3 else word


@lru_cache(maxsize=1)
def _table() -> Mapping[str, tuple[str, ...]]:
    out: dict[str, list[str]] = {}
    for meaning, words in _WORDS.items():
        for word in words.split():
            out.setdefault(word.replace("_", ""), []).append(meaning)
    return {word: tuple(dict.fromkeys(meanings)) for word, meanings in out.items()}


@lru_cache(maxsize=8192)
def meanings(name: str) -> Mapping[str, float]:
    """What a name can mean: meaning → certainty from 0 to 1.

    The whole name counts most (1), without words such as `id` or `no` nearly as much, the last word (the head in most
    languages) less, other words least. A name of which nothing is known has no meanings.
    """
    bare_name = without_unit(name)
    words = [w for w in words_of(bare_name) if w not in _FILLER] or list(words_of(bare_name))
    out: dict[str, float] = {}

    def add(text: str, weight: float) -> bool:
        found = _table().get(text, ())
        for meaning in found:
            out[meaning] = max(out.get(meaning, 0.0), weight)
        return bool(found)

    if not words:
        return out
    add("".join(words_of(bare_name)), 1.0)
    add("".join(words), 1.0)
    bare = [w for w in words if w not in _ID]
    identifier = len(bare) < len(words)
    if identifier and bare:
        add("".join(bare), 0.95)
    if len(words) > 1 and (words[-1] in _DATE or words[0] in _DATE):
        out["time"] = max(out.get("time", 0.0), 0.85)
        rest = [w for w in bare if w not in _DATE]
        if rest and any(m in ("since", "birth_date", "closed", "updated") for m in _table().get("".join(rest), ())):
            add("".join(rest), 0.9)
            out["time"] = 0.4
    for start in range(len(bare)):
        for stop in range(len(bare), start, -1):
            if (start, stop) == (0, len(bare)):
                continue
            last = stop == len(bare)
            add("".join(bare[start:stop]), (0.75 if last else 0.4) if not identifier or last else 0.6)
    if not out:
        joined = "".join(words)
        for word, found in _table().items():
            if len(word) >= (_LONG if word.isascii() else 2) and word in joined:
                for meaning in found:
                    out[meaning] = max(out.get(meaning, 0.0), 0.7 if joined.startswith(word) else 0.6)
    if identifier:
        for meaning in ("time", "amount", "price", "quantity", "full_name"):
            out.pop(meaning, None)
    return out


def identifies(name: str) -> bool:
    """Whether a name says that its column identifies something: it ends or begins with id, no, number, key …"""
    words = words_of(name)
    return bool(words) and (words[-1] in _ID or words[0] in _ID or words[-1].endswith(("nummer", "number", "nr")))


def is_personal(meaning: str) -> bool:
    """Whether a meaning is data that points at a person."""
    return meaning in _PERSONAL
