"""DuckDB's words. Primitives go by its names, so that a function stands as it is called."""

from collections.abc import Callable, Sequence

from sqlglot import exp

from coterie.language.dialects.binding import apart, ascending

DECIMAL_TAIL = r"\.?0+$"


class DuckDB:
    name = "duckdb"
    integer_digits = "HUGEINT"
    money_digits = "DECIMAL(19,4)"  # a product has 38 digits, which need no slow check
    # With hundreds of aggregates it plans for seconds and runs slower than several queries do; two scans at a time take the
    # memory of both.
    aggregates = 40
    scans = 1

    def call(self, name: str, args: Sequence[exp.Expression]) -> exp.Expression:
        return exp.Anonymous(this=name, expressions=list(args))

    def type(self, name: str) -> exp.DataType:
        return exp.DataType.build(name, dialect="duckdb")

    def cast(self, a: exp.Expression, to: exp.DataType) -> exp.Expression:
        return exp.Cast(this=a, to=to)

    def try_cast(self, a: exp.Expression, to: exp.DataType) -> exp.Expression:
        return exp.TryCast(this=a, to=to)

    def text(self, value: str) -> exp.Expression:
        return exp.Literal.string(value)

    def integer(self, value: int) -> exp.Expression:
        return exp.Literal.number(value)

    def local(self, instant: exp.Expression, zone: str) -> exp.Expression:
        utc = self.call("TIMEZONE", [exp.Literal.string("UTC"), instant])
        return self.call("TIMEZONE", [exp.Literal.string(zone), utc])

    def step(self, day: exp.Expression, n: int, unit: str) -> exp.Expression:
        scale, unit = {"quarter": (3, "month")}.get(unit, (1, unit))
        length = exp.Interval(this=exp.Literal.number(abs(n) * scale), unit=exp.var(unit))
        moved = exp.Add(this=day, expression=length) if n >= 0 else exp.Sub(this=day, expression=length)
        return self.cast(exp.Paren(this=moved), self.type("DATE"))

    def years_later(self, day: exp.Expression, years: exp.Expression) -> exp.Expression:
        length = self.call("TO_YEARS", [self.cast(years, self.type("INTEGER"))])
        return self.cast(exp.Paren(this=exp.Add(this=day, expression=length)), self.type("DATE"))

    def micros(self, n: int) -> exp.Expression:
        return exp.Interval(this=exp.Literal.number(n), unit=exp.var("microsecond"))

    def binds(self, trees: Sequence[exp.Expression]) -> bool:
        return True

    def bound(self, trees: Sequence[exp.Expression], body: Callable[..., exp.Expression]) -> exp.Expression:
        """As the only element of a list that is transformed."""
        name = exp.column("x")
        if len(trees) == 1:
            bound, out = trees[0], body(name)
        else:
            bound = self.call("ROW", trees)
            places = range(1, len(trees) + 1)
            out = body(*(self.call("STRUCT_EXTRACT", [name.copy(), exp.Literal.number(n)]) for n in places))
        function = exp.Lambda(this=out, expressions=[exp.to_identifier("x")])
        made = self.call("LIST_TRANSFORM", [exp.Array(expressions=[bound]), function])
        return self.call("LIST_EXTRACT", [made, exp.Literal.number(1)])

    def whole(self, name: str, x: exp.Expression) -> exp.Expression:
        return self.try_cast(self.call(name, [x]), self.type("BIGINT"))

    def plain_text(self, number: exp.Expression, *, is_float: bool) -> exp.Expression:
        words = self.cast(number, self.type("VARCHAR"))
        if is_float:  # by way of its shortest text, which is what people see
            words = self.cast(self.try_cast(words, self.type("DECIMAL(38,9)")), self.type("VARCHAR"))
        return self.call("REGEXP_REPLACE", [words, exp.Literal.string(DECIMAL_TAIL), exp.Literal.string("")])

    def instant_text(self, instant: exp.Expression) -> exp.Expression:
        stamp = self.call("STRFTIME", [instant, exp.Literal.string("%Y-%m-%dT%H:%M:%S.%fZ")])
        return self.call("REPLACE", [stamp, exp.Literal.string(".000000Z"), exp.Literal.string("Z")])

    def hex_number(self, digits: exp.Expression) -> exp.Expression:
        return self.cast(self.call("concat", [exp.Literal.string("0x"), digits]), self.type("BIGINT"))

    def side_by_side(self, select: exp.Select, names: Sequence[str]) -> exp.Select:
        return select

    def numbered(self, query: exp.Query, order: Sequence[exp.Expression], name: str, gap: int = 1) -> exp.Select:
        """Sorted once, numbered as they come."""
        inner = query.copy()
        inner.set("order", exp.Order(expressions=ascending(order)))
        place = apart(exp.Window(this=exp.RowNumber()), gap)
        return exp.select(exp.Star(), place.as_(name, quoted=True)).from_(inner.subquery("s"), copy=False)

    def total(self, value: exp.Expression, *, of_integers: bool) -> exp.Expression:
        return self.call("sum", [value])

    def count_in_window(self, keep: exp.Expression) -> exp.Expression:
        return exp.Filter(this=exp.Count(this=exp.Star()), expression=exp.Where(this=keep))

    def parts(self, group: exp.Expression, key: exp.Expression) -> list[exp.Expression]:
        return [group]

    def files(self, paths: Sequence[str], file: str | None = None) -> exp.Select:
        """As all engines have it; `file`: the name of a column to add, with the path of each row's file."""
        said: dict[str, exp.Expression] = {"union_by_name": exp.true()} if len(paths) > 1 else {}
        if file is not None:
            said["filename"] = self.text(file)
        options = [exp.PropertyEQ(this=exp.to_identifier(name), expression=value) for name, value in said.items()]
        listed = exp.Array(expressions=[self.text(path) for path in paths])
        return exp.select(exp.Star()).from_(exp.Table(this=self.call("read_parquet", [listed, *options])))

    def counted(self, window: exp.Expression) -> exp.Expression:
        return window
