"""Schemes and results drawn at random: sound in form, with ties, gaps, zeros, negatives and round figures."""

FIGURES = ("sales", "items", "exam", "hours", "done")
DATES = {"announced_on": "2026-07-29", "pay_on": "2026-09-10"}


def draw_results(random, people=None):
    """Draw results: few distinct values, so that ties and boundaries are common, and every tenth one missing."""
    rows = []
    for number in random.sample(range(100), people or random.randint(0, 9)):
        row = {"person": f"A{number}", "cohort": random.choice(["own", "student", None])}
        for name in FIGURES:
            row[name] = random.choice([0, 1, 2, 0.1, 0.3, "1.9", 80, 79.99, 100, 33.335, -1, None])
        rows.append(row)
    return rows


def number(random, depth=0):
    kind = random.randint(0, 9 if depth < 3 else 3)
    if kind < 3:
        return random.choice(FIGURES)
    if kind == 3:
        return random.choice(["0", "1", "2", "0.05", "80", "1.5"])
    if kind == 4:
        return f"mean({random.choice(FIGURES)})"
    if kind == 5:
        return f"last({random.choice(FIGURES)})"
    if kind == 6:
        return f"{random.choice(['min', 'max'])}({number(random, depth + 1)}, {number(random, depth + 1)})"
    if kind == 7:
        return f"-({number(random, depth + 1)})"
    return f"({number(random, depth + 1)}) {random.choice('+-*/')} ({number(random, depth + 1)})"


def condition(random, metric, depth=0):
    kind = random.randint(0, 7 if depth < 3 else 4)
    if kind == 0:
        return f"cohort {random.choice(['==', '!='])} 'own'"
    if kind < 5:
        left = "metric" if metric and random.random() < 0.4 else number(random, 2)
        return f"{left} {random.choice(['<', '<=', '>', '>=', '==', '!='])} {number(random, 2)}"
    if kind == 5:
        return f"not ({condition(random, metric, depth + 1)})"
    joined = random.choice(["and", "or"])
    return f"{condition(random, metric, depth + 1)} {joined} {condition(random, metric, depth + 1)}"


def draw_rule(random, scheme, rule):
    """Draw one rule that is sound in form."""
    kind = random.choice(["each", "rank", "rank", "step", "tier", "share"])
    row = {"scheme": scheme, "rule": rule, "kind": kind, **DATES}
    if kind != "each" or random.random() < 0.5:
        metric = "hours * hours" if kind == "share" and random.random() < 0.7 else number(random)
        row["metric"] = metric
    if random.random() < 0.6:
        row["where"] = condition(random, "metric" in row)
    if random.random() < 0.2:
        row |= {"sample": number(random), "min_sample": random.choice([0, 1, 80])}
    unit = random.choice(["amount_cny", "points"])
    signs = [1] if unit == "amount_cny" else [1, -1]
    amounts = [random.choice(signs) * value for value in (0, 1, 5, 50, 100, 33.33)]
    if kind == "tier":
        bounds = sorted(random.sample([-1, 0, 0.3, 1, 1.9, 80, 100], random.randint(1, 4)))
        row |= {"unit": unit, "tiers": [(bound, random.choice(amounts)) for bound in bounds]}
    elif kind == "each":
        positive = f"max(0, {number(random)})" if unit == "amount_cny" and random.random() < 0.9 else number(random)
        row[unit] = random.choice([positive, random.choice(amounts)])
    elif kind == "rank":
        top = random.randint(1, 4)
        row |= {"top": top, "ties": random.choice(["all", "split", "none", None])}
        listed = [random.choice(amounts) for _ in range(top)]
        row[unit] = listed if random.random() < 0.6 else random.choice(amounts)
    else:
        row[unit] = random.choice(amounts)
        if kind == "step":
            row |= {"from": random.choice([0, 1, 1.9]), "step": random.choice([0.1, 0.3, 10, 1])}
            row["cap_steps"] = random.choice([0, 1, 3, 20])
    pool = kind == "share" or row.get("ties") == "split"
    if unit == "amount_cny" and not pool and random.random() < 0.4:
        row["round_cny"] = random.choice([0.01, 0.1, 1, 50, 100])
    if not pool and random.random() < 0.5:
        row["group"] = f"{unit} {random.randint(1, 2)}"
    return row


def draw_schemes(random):
    """Draw one to three schemes of one to five rules."""
    return [
        draw_rule(random, f"scheme {scheme}", rule)
        for scheme in range(random.randint(1, 3))
        for rule in random.sample(range(1, 12), random.randint(1, 5))
    ]


def cents_of(frame):
    """Return {(person, scheme, rule): hundredths} of a frame of payouts."""
    return {(row.person, row.scheme, row.rule): int((row.amount_cny + row.points) * 100) for row in frame.itertuples()}
