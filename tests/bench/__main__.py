"""Run the benches: `python -m tests.bench`, some of them with `--only NAME`.

Prints a table and writes build/bench.json.
"""

import argparse
import importlib
import json
import sys

from rich.console import Console
from rich.table import Table

from tests.bench.measuring import Result, machine, stay_on_two_cores
from tests.driving import ROOT

GROUPS = {
    "encoding": ("encode_ratio_fp32", "encode_ratio_fp32_200", "encode_min_cosine"),
    "importing": (
        "import_rows_per_s", "import_rows_per_s_postgres", "import_rss_mb_1m", "import_pictures_rss_growth_mb",
    ),
    "asking": ("answer_to_queue_p95_s_50k",),
    "querying": (
        "query_s_20k", "query_s_1m_fresh", "query_s_1m_cold", "query_memory_ratio", "rescore_ratio_bandwidth",
        "rescore_ratio_product_100", "refit_p95_ms_500",
    ),
    "tuning": ("tune_ratio_grouped", "tune_ratio_defaults"),
    "startup": ("first_ask_s_50k",),
    "tiles": ("tiles_cold_s_10k", "tiles_warm_s_10k"),
    "finding": (
        "find_ms_1m_sqlite", "like_s_1m", "batch_step_ms_sqlite", "find_ms_1m_postgres", "batch_step_ms_postgres",
        "map_s_50k", "lasso_s_50k",
    ),
    "switching": (
        "key_to_next_p95_ms_training", "save_p95_ms_training", "key_to_next_p95_ms_switching", "save_p95_ms_switching",
    ),
    "crowd": (
        "save_p95_ms_50_sqlite", "save_wrong_50_sqlite", "save_commits_50_sqlite",
        "save_p95_ms_50_postgres", "save_wrong_50_postgres", "save_commits_50_postgres",
    ),
    "keys": ("key_to_next_p95_ms_1", "key_to_next_p95_ms_25", "save_p95_ms_25"),
}  # fmt: skip


def main() -> int:
    """Measure, tell, write; 1 where a target was missed."""
    names = [*GROUPS, *(name for group in GROUPS.values() for name in group)]
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "--only", action="append", choices=names, metavar="NAME", help=f"one of {', '.join(names)}; may be repeated"
    )
    only = parser.parse_args().only or list(GROUPS)
    stay_on_two_cores()
    found: list[Result] = []
    for group, figures in GROUPS.items():
        if group in only or any(figure in only for figure in figures):
            print(f"{group} …", file=sys.stderr, flush=True)
            found += importlib.import_module(f"tests.bench.{group}").results()
    (ROOT / "build").mkdir(exist_ok=True)
    (ROOT / "build" / "bench.json").write_text(json.dumps([each.as_dict() for each in found], indent=1) + "\n")
    Console(width=160).print(_table(found))
    return 0 if all(each.met for each in found) else 1


def _table(found: list[Result]) -> Table:
    table = Table("figure", "measured", "target", "met", "against", title=machine())
    for each in found:
        target = f"{each.better} {each.target:,g} {each.unit}"
        table.add_row(each.name, f"{each.value:,.4g} {each.unit}", target, "yes" if each.met else "NO", each.against)
    return table


if __name__ == "__main__":
    sys.exit(main())
