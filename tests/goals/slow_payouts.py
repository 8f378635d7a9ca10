"""The pay model a second time: Python's own grammar, person by person, rule by rule, with nothing shared.

It reads sound schemes only (lists of dicts without mistakes of form) and returns cents per person, scheme and rule,
and the schemes that the figures themselves make unpayable.
"""

import ast
import itertools
from fractions import Fraction


class Unpayable(Exception):
    """The figures make the scheme refused."""


def exact(value):
    return None if value is None else Fraction(str(value))


class Reader(ast.NodeVisitor):
    """Evaluate an expression for one row of the results."""

    def __init__(self, row, rows, metric):
        self.row, self.rows, self.metric = row, rows, metric

    def visit_Expression(self, node):
        return self.visit(node.body)

    def visit_Constant(self, node):
        return node.value if isinstance(node.value, str) else Fraction(ast.unparse(node))

    def visit_Name(self, node):
        if node.id == "metric":
            return self.metric
        if node.id == "cohort":
            return self.row["cohort"]
        return exact(self.row[node.id])

    def visit_UnaryOp(self, node):
        value = self.visit(node.operand)
        if value is None:
            return None
        return (not value) if isinstance(node.op, ast.Not) else -value

    def visit_BinOp(self, node):
        a, b = self.visit(node.left), self.visit(node.right)
        if a is None or b is None:
            return None
        if isinstance(node.op, ast.Div):
            return None if b == 0 else a / b
        return {"Add": a + b, "Sub": a - b, "Mult": a * b}[type(node.op).__name__]

    def visit_Compare(self, node):
        a, b = self.visit(node.left), self.visit(node.comparators[0])
        if a is None or b is None:
            return None
        name = type(node.ops[0]).__name__
        if name in ("Eq", "NotEq"):
            return (a == b) == (name == "Eq")
        return {"Lt": a < b, "LtE": a <= b, "Gt": a > b, "GtE": a >= b}[name]

    def visit_BoolOp(self, node):
        values = [self.visit(part) for part in node.values]
        deciding = isinstance(node.op, ast.Or)
        if deciding in values:
            return deciding
        return None if None in values else not deciding

    def visit_Call(self, node):
        name = node.func.id
        if name in ("min", "max"):
            values = [self.visit(part) for part in node.args]
            return None if None in values else {"min": min, "max": max}[name](values)
        column = [exact(row[node.args[0].id]) for row in self.rows if row[node.args[0].id] is not None]
        if not column:
            return None
        return min(column) if name == "last" else Fraction(sum(column), len(column))


def value_of(source, row, rows, metric=None):
    return Reader(row, rows, metric).visit(ast.parse(str(source).strip(), mode="eval"))


def half_up(amount, multiple):
    sign = -1 if amount < 0 else 1
    count = 0
    whole, rest = divmod(abs(amount), multiple)
    count = whole + (1 if rest * 2 >= multiple else 0)
    return int(sign * count * multiple * 100)


def share_out(pool, people):
    """Share a pool of cents to (person, weight): floors first, then cent by cent to the largest remainder."""
    total = sum(weight for _, weight in people)
    owed = {person: Fraction(pool) * 100 * weight / total for person, weight in people}
    paid = {person: int(part // 1) for person, part in owed.items()}
    served = set()
    while sum(paid.values()) < pool * 100:
        lucky = min((p for p in owed if p not in served), key=lambda p: (paid[p] - owed[p], p))
        paid[lucky] += 1
        served.add(lucky)
    return paid


def pay_rule(rule, rows):
    """Return cents by person of one rule, and who makes it provisional."""
    get = rule.get
    unit = get("unit") or ("amount_cny" if get("amount_cny") is not None else "points")
    inside, metrics, lacking = [], {}, []
    for row in rows:
        metric = None if get("metric") is None else value_of(rule["metric"], row, rows)
        if get("where") is not None and value_of(rule["where"], row, rows, metric) is not True:
            continue
        if get("sample") is not None:
            sample = value_of(rule["sample"], row, rows, metric)
            if sample is None or sample < exact(rule["min_sample"]):
                continue
        if get("metric") is not None and metric is None:
            if rule["kind"] in ("rank", "share"):
                lacking.append(row["person"])
            continue
        inside.append(row)
        metrics[row["person"]] = metric
    multiple = exact(get("round_cny") or "0.01")
    cents = {row["person"]: 0 for row in rows}
    kind, people = rule["kind"], [row["person"] for row in inside]
    if kind == "each":
        written = ast.parse(str(rule[unit]), mode="eval")
        names = {node.id for node in ast.walk(written) if isinstance(node, ast.Name)} - {"min", "max"}
        if unit == "amount_cny" and not names and (Reader({}, rows, None).visit(written) or 0) < 0:
            raise Unpayable
        for row in inside:
            amount = value_of(rule[unit], row, rows)
            if amount is not None:
                if amount < 0 and unit == "amount_cny":
                    raise Unpayable
                cents[row["person"]] = half_up(amount, multiple)
    elif kind == "step":
        for person in people:
            above, steps = metrics[person] - exact(rule["from"]), 0
            while above >= (steps + 1) * exact(rule["step"]) and steps != get("cap_steps"):
                steps += 1
            cents[person] = half_up(exact(rule[unit]) * steps, multiple)
    elif kind == "tier":
        for person in people:
            for bound, amount in rule["tiers"]:
                if metrics[person] >= exact(bound):
                    cents[person] = half_up(exact(amount), multiple)
    elif kind == "share":
        if any(metrics[person] < 0 for person in people):
            raise Unpayable
        if sum(metrics[person] for person in people) > 0:
            cents |= share_out(exact(rule[unit]), [(person, metrics[person]) for person in people])
    else:
        top = get("top") or 1
        amounts = rule[unit] if isinstance(rule[unit], list) else [rule[unit]] * top
        worth = [exact(amount) for amount in amounts] + [Fraction(0)] * len(people)
        for person in people:
            better = sum(metrics[other] > metrics[person] for other in people)
            alike = sorted(other for other in people if metrics[other] == metrics[person])
            ties = get("ties") or "all"
            if ties == "all" or (ties == "none" and len(alike) == 1):
                cents[person] = half_up(worth[better], multiple)
            elif ties == "split":
                pool = sum(worth[better : better + len(alike)])
                cents[person] = share_out(pool, [(other, Fraction(1)) for other in alike])[person]
    return cents, lacking


def pay(schemes, rows):
    """Return ({(person, scheme, rule): cents}, {(scheme, rule) provisional}, {scheme refused})."""
    paid, provisional, refused = {}, set(), set()
    by_scheme = {}
    for rule in schemes:
        by_scheme.setdefault(rule["scheme"], []).append(rule)
    for scheme, rules in by_scheme.items():
        try:
            own = {rule["rule"]: pay_rule(rule, rows) for rule in rules}
        except Unpayable:
            refused.add(scheme)
            continue
        provisional |= {(scheme, number) for number, (_, lacking) in own.items() if lacking}
        groups = {rule["group"] for rule in rules if rule.get("group")}
        for row, group in itertools.product(rows, groups):
            members = sorted(rule["rule"] for rule in rules if rule.get("group") == group)
            got = [(own[number][0][row["person"]], number) for number in members]
            best = max(got, key=lambda pair: (pair[0], -pair[1]))
            if best[0] <= 0:
                best = min(got, key=lambda pair: (pair[0], pair[1]))
            for _, number in got:
                if number != best[1]:
                    own[number][0][row["person"]] = 0
        for number, (cents, _) in own.items():
            for person, amount in cents.items():
                paid[person, scheme, number] = amount
    return paid, provisional, refused
