"""Scores what a loss ledger says of erased traces and of what remains against a recording's truth.

usage: loss_erased.py TRUTH.json LEDGER.json [TRUTH.json LEDGER.json]...

An item is right when the truth has one of that host and path. Recall: of the truth's items those that are
told. Precision: of the items told those that are right; left out are temporary files, which the ledger tells
under a heading of their own, and processes and connections that are open, which the truth does not list. What
the truth names with another technique is printed. Exits with 1 when a recall is below 1.
"""
import json
import sys


def score(name, told, truth):
    wanted = {(t["host"], t["path"]): t.get("technique") for t in truth}
    found = {}
    for item in told:
        found.setdefault((item["host"], item.get("path", "")), set()).add(item.get("technique"))
    right = [key for key in wanted if key in found]
    for key in wanted:
        if key not in found:
            print(f"    {name}: not told: {key[0]} {key[1]} {wanted[key]}")
        elif wanted[key] not in found[key]:
            print(f"    {name}: {key[0]} {key[1]} is {wanted[key]}, told as {sorted(found[key])}")
    for item in told:
        if (item["host"], item.get("path", "")) not in wanted:
            print(f"    {name}: not in the truth: {item['host']} {item.get('path', '')} {item.get('technique')}")
    wrong = sum((item["host"], item.get("path", "")) not in wanted for item in told)
    recall = len(right) / len(wanted) if wanted else 1.0
    precision = 1 - wrong / len(told) if told else 1.0
    print(f"  {name}: {len(right)} of {len(wanted)} told, recall {recall:.2f}; "
          f"{len(told)} items, precision {precision:.2f}")
    return recall == 1.0


def main(arguments):
    if not arguments or len(arguments) % 2:
        sys.exit(__doc__)
    good = True
    for truth_name, ledger_name in zip(arguments[::2], arguments[1::2]):
        with open(truth_name, encoding="utf-8") as file:
            truth = json.load(file)
        with open(ledger_name, encoding="utf-8", errors="surrogateescape") as file:
            ledger = json.load(file)
        print(truth["name"])
        good &= score("erased", ledger["erased"], truth["erased"])
        remaining = [item for item in ledger["remaining"] if "technique" in item]
        good &= score("remaining", remaining, truth["persistence"])
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main(sys.argv[1:])
