"""The published audiences, written in coterie's language: per data set a project, per audience expressions and what they count."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Audience:
    """One audience of the reference file.

    Attributes:
        id: its name there.
        counts: expressions whose number of customers in must equal the reference's figures, in order.
        figures: where the reference's figures stand in its first row (or, for grouped results, in which row and column).
        sums: traits summed over everybody, with their place in the first row.
    """

    id: str
    counts: tuple[str, ...]
    figures: tuple[tuple[int, int], ...] = ((0, 0),)
    population: tuple[int, int] | None = None
    sums: tuple[tuple[str, tuple[int, int]], ...] = ()
    shares: tuple[tuple[str, str, tuple[int, int]], ...] = ()
    """(part, whole, place): a share of two counts."""


@dataclass(frozen=True)
class DataSet:
    """A project over one published file, which a test may replace by a copy with fewer rows."""

    file: str
    project: str
    audiences: tuple[Audience, ...] = field(default=())

    def yaml(self, path: Path) -> str:
        return self.project.replace("FILE", f"'{path.as_posix()}'")


ONLINE_RETAIL = DataSet(
    "online_retail_1/online_retail_1.parquet",
    """
project: online retail
timezone: Europe/London
as_of: latest event
sources:
  row:
    path: FILE
    customer: CustomerID
    time: InvoiceDate
    columns: {amount: Quantity * UnitPrice, quantity: Quantity, price: UnitPrice, product: StockCode, country: Country}
  cancellation:
    path: FILE
    customer: CustomerID
    time: InvoiceDate
    where: InvoiceNo starts with 'C'
  sale:
    path: FILE
    customer: CustomerID
    time: InvoiceDate
    lines: InvoiceNo
    sum: [amount]
    columns: {amount: Quantity * UnitPrice, product: StockCode}
    where: not (InvoiceNo starts with 'C') and Quantity > 0 and UnitPrice > 0
traits:
  sales: count(sale)
  revenue: sum(sale.amount)
""",
    (
        Audience("or1.customers_total", ("exists(row)",)),
        Audience(
            "or1.valid_customers_revenue",
            ("exists(sale)",),
            sums=(("sales", (0, 1)), ("revenue", (0, 2))),
        ),
        Audience("or1.bought_ge_10_invoices", ("count(sale) >= 10",)),
        Audience("or1.inactive_90d_at_2011-12-09", ("last(sale_line.time) before '2011-09-10'",)),
        Audience("or1.ever_cancelled_customers", ("exists(cancellation)",)),
        Audience("or1.net_revenue_le_0_customers", ("sum(row.amount) <= 0",)),
        Audience(
            "or1.bought_85123A_not_22423",
            (
                """exists(row where product = '85123A' and quantity > 0 and price > 0)
                and not exists(row where product = '22423' and quantity > 0 and price > 0)""",
            ),
        ),
        Audience("or1.multi_country_customers", ("distinct(row.country) > 1",)),
        Audience("or1.non_uk_customers", ("exists(row where country != 'United Kingdom')",)),
        Audience("or1.first_purchase_2011Q1", ("first(sale_line.time) from '2011-01-01' to '2011-04-01'",)),
    ),
)


def people(file: str, id_: str, *audiences: Audience) -> DataSet:
    """A project that is one file of customers."""
    project = f"""
project: {Path(file).stem}
timezone: UTC
sources:
  customers: {{path: FILE, id: {id_}}}
"""
    return DataSet(file, project, audiences)


PERSONALITY = people(
    "customer_personality/marketing_campaign.csv",
    "ID",
    Audience(
        "personality.high_income_no_kids_accepted_any",
        (
            """Income > 70000 and Kidhome = 0 and Teenhome = 0 and
            AcceptedCmp1 + AcceptedCmp2 + AcceptedCmp3 + AcceptedCmp4 + AcceptedCmp5 + Response > 0""",
        ),
    ),
    Audience(
        "personality.null_income",
        ("Income > 50000", "not (Income > 50000)"),
        figures=((0, 1), (0, 2)),
        population=(0, 0),
    ),
    Audience(
        "personality.phd_or_master_recent30",
        ("Education in ('PhD', 'Master') and Recency <= 30 and Marital_Status not in ('Absurd', 'YOLO', 'Alone')",),
    ),
)
TELCO = people(
    "telco_churn_ibm/Telco-Customer-Churn.csv",
    "customerID",
    Audience(
        "telco.mtm_fiber_no_support",
        (
            "Contract = 'Month-to-month' and InternetService = 'Fiber optic' and TechSupport = 'No'",
            "Contract = 'Month-to-month' and InternetService = 'Fiber optic' and TechSupport = 'No' and Churn",
        ),
        figures=((0, 0), (0, 1)),
    ),
    Audience(
        "telco.tenure_le_6_electronic",
        ("tenure <= 6 and PaymentMethod = 'Electronic check'",),
        shares=(
            (
                "tenure <= 6 and PaymentMethod = 'Electronic check' and Churn",
                "tenure <= 6 and PaymentMethod = 'Electronic check'",
                (0, 1),
            ),
        ),
    ),
)
BANK = people(
    "bank_marketing/bank-full.csv",
    "_line",
    Audience(
        "bank.contacted_before_success",
        ("poutcome = 'success'", "poutcome = 'success' and y"),
        figures=((0, 0), (0, 1)),
    ),
    Audience(
        "bank.mgmt_tertiary_balance",
        ("job = 'management' and education = 'tertiary' and balance between 1000 and 5000 and not housing",),
    ),
)
CRM = people(
    "crm_sales_opportunities/accounts.csv",
    "account",
    Audience("crm.accounts_emp_ge_5000_rev_ge_2000", ("employees >= 5000 and revenue >= 2000",)),
)
STACK_OVERFLOW = people(
    "stackoverflow_2017_dev/stackoverflow_dev.csv",
    "respondent_id",
    Audience(
        "so_dev.remote_rate_by_small_company",
        ("CompanySizeNumber <= 20", "CompanySizeNumber <= 20 and Remote = 'Remote'"),
        figures=((0, 0), (0, 1)),
    ),
    Audience(
        "so_dev.devops_and_ml",
        (
            "DevOps = 1",
            "Machine_learning_specialist = 1",
            "DevOps = 1 and Machine_learning_specialist = 1",
            "DevOps = 1 or Machine_learning_specialist = 1",
        ),
        figures=((0, 0), (0, 1), (0, 2), (0, 3)),
    ),
)
BFI = people(
    "psych_bfi/bfi.csv",
    "respondent_id",
    Audience(
        "bfi.answered_all25",
        (" and ".join(f"{scale}{i} is known" for scale in "ACENO" for i in range(1, 6)),),
    ),
)
HILLSTROM = people(
    "hillstrom_dev/hillstrom_dev.csv",
    "customer_id",
    Audience(
        "hillstrom_dev.womens_buyers_web",
        tuple(
            f"womens = 1 and channel = 'Web' and segment = '{arm}'{more}"
            for arm in ("Mens E-Mail", "No E-Mail", "Womens E-Mail")
            for more in ("", " and visit = 1", " and conversion = 1")
        ),
        figures=tuple((row, column) for row in range(3) for column in (1, 2, 3)),
    ),
)
MALL = people(
    "mall_customers/Mall_Customers.csv",
    "CustomerID",
    Audience("mall.high_income_low_spend", ('"Annual Income (k$)" > 70 and "Spending Score (1-100)" < 40',)),
)
WHOLESALE = people(
    "wholesale_customers/wholesale_customers.csv",
    "_line",
    Audience(
        "wholesale.channel_by_region",
        tuple(f"Channel = {channel} and Region = {region}" for channel in (1, 2) for region in (1, 2, 3)),
        figures=tuple((row, 2) for row in range(6)),
    ),
)
GROCERIES_BASKETS = DataSet(
    "groceries_members/groceries_members.csv",
    """
project: baskets
timezone: UTC
as_of: latest event
sources:
  item:
    path: FILE
    customer: basket
    time: Date
    columns: {basket: "concat(text(Member_number), ' ', text(Date))", item: itemDescription}
""",
    (
        Audience(
            "groceries.milk_and_yogurt_same_day",
            ("exists(item where item = 'whole milk') and exists(item where item = 'yogurt')",),
        ),
    ),
)
GROCERIES = DataSet(
    "groceries_members/groceries_members.csv",
    """
project: groceries
timezone: UTC
as_of: latest event
sources:
  item: {path: FILE, customer: Member_number, time: Date, columns: {item: itemDescription}}
""",
    (
        Audience(
            "groceries.milk_and_yogurt_same_day",
            (
                """sequence(item where item = 'whole milk', item where item = 'yogurt' within 1 minute)
                or sequence(item where item = 'yogurt', item where item = 'whole milk' within 1 minute)""",
            ),
            figures=((0, 1),),
        ),
        Audience("groceries.members_ge_20_items", ("count(item) >= 20",)),
    ),
)
CLICKS = """
project: clicks
timezone: UTC
as_of: latest event
sources:
  step: {path: FILE, customer: CUSTOMER, time: timestamp, columns: {what: event}}
"""
SESSIONS = DataSet(
    "ecom_clickstream_synthetic/ecom.csv.gz",
    CLICKS.replace("CUSTOMER", "session_id"),
    (
        Audience(
            "ecom.sessions_cart_no_purchase",
            ("exists(step where what = 'add_to_cart') and not exists(step where what = 'purchase')",),
        ),
        Audience(
            "ecom.checkout_to_purchase_sequence",
            ("sequence(step where what = 'shipping_details', step where what = 'purchase')",),
        ),
    ),
)
USERS = DataSet(
    "ecom_clickstream_synthetic/ecom.csv.gz",
    CLICKS.replace("CUSTOMER", "user_id"),
    (Audience("ecom.users_purchase_ge_2", ("count(step where what = 'purchase') >= 2",)),),
)
CDNOW = DataSet(
    "cdnow_sample/cdnow_sample.csv",
    """
project: cdnow
timezone: UTC
as_of: latest event
sources:
  purchase: {path: FILE, customer: customer_id, time: date, columns: {amount: value}}
""",
    (Audience("cdnow_sample.one_time_buyers_cal", ("distinct(purchase.time before '1997-10-01') = 1",)),),
)

DATA_SETS = {
    "online retail": ONLINE_RETAIL,
    "personality": PERSONALITY,
    "telco": TELCO,
    "bank": BANK,
    "crm": CRM,
    "stack overflow": STACK_OVERFLOW,
    "bfi": BFI,
    "hillstrom": HILLSTROM,
    "mall": MALL,
    "wholesale": WHOLESALE,
    "groceries baskets": GROCERIES_BASKETS,
    "groceries": GROCERIES,
    "sessions": SESSIONS,
    "users": USERS,
    "cdnow": CDNOW,
}
LEFT_OUT = frozenset({"crm.won_by_sector_retail", "crm.win_rate", "crm.account_null_open_deals"})
"""References that select deals, not customers."""
