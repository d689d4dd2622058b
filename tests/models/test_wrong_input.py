"""What goes wrong with data, each in a project of its own: a clear message that says what would be needed, and all others run."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

import coterie
from coterie.workspace.workspace import Workspace
from tests.models.buyers import TODAY, orders

PROJECT = """\
project: wrong
timezone: Europe/Berlin
currency: EUR
as_of: 2026-06-30
sources:
  customers: {path: customers.csv, id: id, constant: [age, same, empty, code, shop, told, bought, once]}
  order: {path: orders.csv, customer: customer, time: at, id: order_id}
traits:
  orders: count(order)
  revenue: sum(order.amount)
  fine: affinity(order.category)
"""


def project(
    folder: Path, traits: Sequence[str], customers: int = 300, currencies: Sequence[str] = (), source: str = ""
) -> Workspace:
    """A project of customers with columns that nothing, or too much, can be learned from; `traits` are lines of its traits."""
    draw = np.random.default_rng(0)
    bought = orders(customers)
    lately = {who for who, when, *_ in bought if when.date() > TODAY - timedelta(days=60)}
    lines = ["id,age,same,empty,code,shop,told,bought,once"]
    for n in range(customers + 20):
        who, told = f"c{n:03}", draw.random() < 0.4
        shop = f"s{draw.integers(10_000)}"
        cells = (
            who,
            draw.integers(18, 80),
            7,
            "",
            f"k{n:05}",
            shop,
            ("no", "yes")[told],
            ("no", "yes")[who in lately],
            "yes" if n % 2 else "",
        )
        lines.append(",".join(str(c) for c in cells))
    (folder / "customers.csv").write_text("\n".join([*lines, ""]), encoding="utf-8")
    lines = ["order_id,customer,at,amount,category" + (",currency" if currencies else "")]
    for n, (who, when, amount, what) in enumerate(bought):
        code = f",{currencies[n % len(currencies)]}" if currencies else ""
        lines.append(f"{n},{who},{when:%Y-%m-%d %H:%M:%S},{amount:.2f},{what}{code}")
    (folder / "orders.csv").write_text("\n".join([*lines, ""]), encoding="utf-8")
    text = PROJECT.replace("id: order_id}", f"id: order_id{source}}}")
    (folder / "coterie.yaml").write_text(text + "".join(f"  {line}\n" for line in traits), encoding="utf-8")
    return coterie.open(folder)


def run(workspace: Workspace) -> dict[str, str]:
    """What a run says of each model that it could not learn; those it could are in the results, `fine` always."""
    workspace.run()
    fitted = {state.name for state in workspace.models.states() if state.fit is not None}
    assert "fine" in fitted
    notes = [n for n in workspace.results.made.data["notes"] if " is not fitted: " in n]
    said = {name: why for name, _, why in (n.partition(" is not fitted: ") for n in notes)}
    assert not said.keys() & fitted
    return said


def told(workspace: Workspace, name: str) -> str:
    fit = workspace.models[name].fit
    assert fit is not None
    return " ".join([fit.told["verdict"], *fit.told["notes"]])


def test_too_few_rows(tmp_path: Path) -> None:
    traits = ["value: lifetime_value(order.amount, 365 days)", "soon: predict(exists(order within next 60 days) from orders, age)"]
    traits += [
        "alike: clusters(orders, revenue)",
        "like: lookalike(big, age)",
        "big: revenue > 100",
        "tells: predict(told from age)",
    ]
    said = run(project(tmp_path, traits, customers=8))
    assert "8 customers bought on a second day: too few" in said["value"]
    assert "10 such customers are needed" in said["value"]
    assert "needed are 100 with a known outcome" in said["soon"]
    assert "at least 30 customers, and there are 28" in said["alike"]
    assert "at least 50 are needed" in said["like"]
    assert "28 rows to learn from" in said["tells"]


def test_one_class(tmp_path: Path) -> None:
    never = "order where amount > 100000 within next 60 days"
    traits = [f"soon: predict(exists({never}) from orders, age)", "one: predict(once from age, orders)"]
    traits += ["spend: predict(sum(order.amount where amount > 100000 within next 60 days) from orders)"]
    traits += ["nobody: revenue < 0", "like: lookalike(nobody, age)", "all: age > 0", "like_all: lookalike(all, orders)"]
    said = run(project(tmp_path, traits))
    assert "the outcome is no for all" in said["soon"]
    assert "the outcome is yes for all 160 rows" in said["one"]
    assert "the outcome is 0 for everybody" in said["spend"]
    assert "nobody has 0 members" in said["like"]
    assert "everybody is in all" in said["like_all"]
    assert all("(" in words for words in said.values()), "each says what to do"


def test_constant_and_missing_features(tmp_path: Path) -> None:
    outcome = "exists(order within next 60 days)"
    traits = [f"none: predict({outcome} from same, empty)", f"some: predict({outcome} from same, empty, orders)"]
    traits += ["flat: clusters(same, empty)", "half: clusters(same, empty, orders, revenue)"]
    workspace = project(tmp_path, traits)
    said = run(workspace)
    for name in ("none", "flat"):
        assert "same is left out: it is" in said[name]
        assert "empty is left out" in said[name]
    for name in ("some", "half"):
        assert "same is left out: it is" in told(workspace, name)
        assert "empty is left out" in told(workspace, name)


def test_a_perfect_leak_is_named_and_can_be_kept(tmp_path: Path) -> None:
    outcome = "exists(order within next 60 days)"
    traits = ["again: case when told then 1 else 0 end", "tells: predict(told from age, again)"]
    traits += ["kept: {predict: [told, age, again], keep: again}", "wrong: {predict: [told, age, again], keep: agian}"]
    traits += [f"soon: predict({outcome} from orders, bought)", "all_told: predict(told from again)"]
    workspace = project(tmp_path, traits)
    said = run(workspace)
    assert "every feature tells the outcome nearly perfectly: again" in said["all_told"]
    assert "no feature here (did you mean 'again'?" in said["wrong"]
    assert "again is left out: it alone tells the outcome nearly perfectly" in told(workspace, "tells")
    assert "`keep: [again]`" in told(workspace, "tells")
    assert "No better than chance" in told(workspace, "tells")
    assert "again is left out" not in told(workspace, "kept")
    # Written down lately, it knows the outcome of the test alone; the model would never have shown it, the quality told would.
    assert "bought is left out" in told(workspace, "soon")


def test_ten_thousand_categories(tmp_path: Path) -> None:
    outcome = "exists(order within next 60 days)"
    traits = [f"soon: predict({outcome} from orders, code)", f"shops: predict({outcome} from orders, shop)"]
    traits += ["codes: predict(code from age, orders)", "by_code: clusters(code)", "by_shop: clusters(shop, orders, revenue)"]
    workspace = project(tmp_path, traits)
    said = run(workspace)
    assert "no answer was given by 20 customers or more" in said["codes"]
    assert "predict a coarser one" in said["codes"]
    assert "code is left out: hardly two customers have the same one (320 values)" in said["by_code"]
    assert "look like an id or free text" in told(workspace, "soon")
    assert "shop is left out: hardly two" in told(workspace, "by_shop")


def test_an_outcome_window_beyond_the_data(tmp_path: Path) -> None:
    traits = ["value: lifetime_value(order.amount, 3650 days)", "short: lifetime_value(order.amount, 90 days)"]
    traits += [
        "soon: predict(exists(order within next 600 days))",
        "spend: predict(sum(order.amount within next 2 years) from age)",
    ]
    workspace = project(tmp_path, traits)
    said = run(workspace)
    assert "at least 1200 days of events are needed" in said["soon"]
    assert "at least 1462 days of events are needed" in said["spend"]
    assert "3,650 days ahead are told from 729 days of orders: it was judged on 243 days" in told(workspace, "value")
    assert "ahead are told from" not in told(workspace, "short")


MODELS_OF_MONEY = [
    "value: lifetime_value(order.amount, 365 days)",
    "spend: predict(sum(order.amount within next 60 days) from orders)",
]


def test_spend_in_two_currencies(tmp_path: Path) -> None:
    traits = [*MODELS_OF_MONEY, "soon: predict(exists(order within next 60 days) from orders)"]
    traits += ["euros: predict(sum(order.amount where currency = 'EUR' within next 60 days) from orders)"]
    workspace = project(tmp_path, traits, currencies=("EUR", "GBP", "eur"))
    said = run(workspace)
    assert said.keys() == {"value", "spend"}
    for words in said.values():
        assert "order.amount is in 2 currencies (" in words
        assert "do not add up" in words
        assert "case when currency = 'GBP'" in words
    assert workspace.count("value > 0").size.inside == 0


def test_amounts_brought_to_one_currency_are_learned_from(tmp_path: Path) -> None:
    rate = ", currency: EUR, columns: {amount: case when currency = 'GBP' then amount * 1.1 else amount end}"
    workspace = project(tmp_path, MODELS_OF_MONEY, currencies=("EUR", "GBP"), source=rate)
    assert run(workspace) == {}
    assert workspace.count("value > 0").size.inside > 0


@pytest.mark.parametrize(("currencies", "source"), [(("EUR",), ""), (("EUR", "GBP"), ", where: currency = 'EUR'")])
def test_one_currency_is_no_hindrance(tmp_path: Path, currencies: Sequence[str], source: str) -> None:
    assert run(project(tmp_path, MODELS_OF_MONEY, currencies=currencies, source=source)) == {}


def test_sources_that_say_different_currencies_do_not_add(tmp_path: Path) -> None:
    spend = "sum(order.amount within next 60 days) + sum(fee.amount within next 60 days)"
    workspace = project(tmp_path, [f"spend: predict({spend} from orders)"], source=", currency: EUR")
    (tmp_path / "fees.csv").write_text((tmp_path / "orders.csv").read_text(encoding="utf-8"), encoding="utf-8")
    text = (tmp_path / "coterie.yaml").read_text(encoding="utf-8")
    fee = "  fee: {path: fees.csv, customer: customer, time: at, id: order_id, currency: GBP}\ntraits:"
    (tmp_path / "coterie.yaml").write_text(text.replace("traits:", fee), encoding="utf-8")
    assert "order.amount in EUR and fee.amount in GBP do not add up" in run(coterie.open(workspace.folder))["spend"]
