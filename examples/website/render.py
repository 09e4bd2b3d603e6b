"""Renders the pages: python3 render.py PRICES.json FOLDER."""

import html
import json
import pathlib
import string
import sys


def table(prices):
    """The rows of the price table, the cheapest first."""
    rows = sorted(prices.items(), key=lambda item: (item[1], item[0]))
    return "\n".join(f"<tr><td>{html.escape(name)}</td><td>{price:.2f}</td></tr>" for name, price in rows)


def main(prices_file, folder):
    """Copies every page with the table filled in."""
    prices = json.loads(pathlib.Path(prices_file).read_text())
    out = pathlib.Path(folder)
    out.mkdir(parents=True)
    for page in sorted(pathlib.Path("pages").iterdir()):
        text = page.read_text()
        if page.suffix == ".html":
            text = string.Template(text).safe_substitute(prices=table(prices))
        (out / page.name).write_text(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
