"""Figures that papers print: other data, detectors, crops and units, so they are never ranked with ours.

From Table 1 and Table 2 of Vo-Thanh, Nguyen and Kim 2024. They mix units, crops and teacher forcing, and
in the proposed row M-LD is above F-LD, which no unit explains.
"""

from dataclasses import dataclass

LABEL = "published, other protocol"


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """One printed line."""

    method: str
    year: int | None
    mld: float
    mlvd: float
    fld: float
    flvd: float


def _line(method: str, year: int | None, mld: float, mlvd: float, fld: float, flvd: float) -> Published:
    return Published(method=method, year=year, mld=mld, mlvd=mlvd, fld=fld, flvd=flvd)


TABLES: dict[str, tuple[Published, ...]] = {
    "MEAD (Table 1)": (
        _line("Chen et al.", 2019, 3.27, 2.09, 3.82, 1.71),
        _line("Wang et al.", 2020, 2.52, 2.28, 3.16, 2.01),
        _line("Song et al.", 2020, 2.54, 1.99, 3.49, 1.76),
        _line("Ji et al.", 2021, 2.45, 1.78, 3.01, 1.56),
        _line("Sinha et al.", 2022, 2.18, 0.77, 1.24, 0.50),
        _line("Cao et al.", 2023, 1.92, 0.97, 1.25, 0.70),
        _line("KFusion of Dual-Domain", 2024, 1.33, 0.81, 1.22, 0.59),
    ),
    "CREMA-D (Table 1)": (
        _line("Vougioukas et al.", 2020, 2.90, 0.42, 2.80, 0.34),
        _line("Eskimez et al.", 2021, 6.14, 0.49, 5.89, 0.40),
        _line("Sinha et al.", 2022, 2.41, 0.69, 1.35, 0.46),
        _line("KFusion of Dual-Domain", 2024, 2.37, 0.66, 1.23, 0.52),
    ),
    "Ablations (Table 2)": (
        _line("w/o KFusion", None, 3.300, 2.451, 8.624, 10.00),
        _line("w/o LSTM", None, 2.799, 1.787, 5.490, 6.123),
        _line("w/o Global", None, 2.120, 1.373, 4.126, 6.015),
        _line("repl MLP", None, 1.380, 2.520, 3.990, 3.480),
        _line("Proposed", None, 1.333, 0.808, 1.225, 0.599),
    ),
}

KEPT_IN_TABLES = (
    ("Song et al.", "MEAD (Table 1)"),
    ("Sinha et al.", "MEAD (Table 1)"),
    ("Vougioukas et al.", "CREMA-D (Table 1)"),
    ("KFusion of Dual-Domain", "MEAD (Table 1)"),
)
"""Systems that keep their line in our tables with what was printed, and the table that is from: those whose
landmark stage nobody published, and the paper's own."""


def kept_in_tables() -> list[tuple[str, Published]]:
    """Where each was printed, and the line."""
    return [(table, next(one for one in TABLES[table] if one.method == method)) for method, table in KEPT_IN_TABLES]
