"""Answers cases from standard input with the executable reference, whose directory is the only argument."""
import json
import sys

sys.path.insert(0, sys.argv[1])
from board_walk_reference import D, PAR, est_new, est_pred, events, first_seen, rates
from calibration_reference import norm

for line in sys.stdin:
    case = json.loads(line)
    boards, day = case["boards"], D(case["at"])
    par = dict(PAR, **case["params"])
    rows = sorted(boards[-1]["rows"], key=lambda row: -row["score"])
    arrivals, start = events(boards, par["floor"]), D(boards[0]["date"])
    models, labs = est_new(rows, day, case["h_days"], arrivals, start, first_seen(boards), par, tick=case["tick"])
    rate = rates(arrivals, day, start, [], par)[0]
    table, table_labs = est_pred(rows, day, case["h_days"], first_seen(boards), par)
    table = {"models": norm(table, "unlisted"), "labs": norm(table_labs, "other")}
    print(json.dumps({"models": models, "labs": labs, "rate": rate, "table": table}))
