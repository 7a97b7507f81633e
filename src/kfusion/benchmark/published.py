"""Figures that papers print: other data, detectors, crops and units, so they are never ranked with ours.

From Table 1 and Table 2 of Vo-Thanh, Nguyen and Kim 2024. They mix units, crops and teacher forcing, and
in the proposed row M-LD is above F-LD, which no unit explains.
"""

from dataclasses import dataclass

LABEL = "published, other protocol"


@dataclass(frozen=True, slots=True)
class Published:
    """One printed line."""

    method: str
    year: int | None
    m_ld: float
    m_lvd: float
    f_ld: float
    f_lvd: float

    @property
    def name(self) -> str:
        """The method with its year, where it has one."""
        return self.method if self.year is None else f"{self.method} {self.year}"

    @property
    def scores(self) -> tuple[float, ...]:
        """In the order of the paper."""
        return self.m_ld, self.m_lvd, self.f_ld, self.f_lvd


TABLES: dict[str, tuple[Published, ...]] = {
    "MEAD (Table 1)": (
        Published("Chen et al.", 2019, 3.27, 2.09, 3.82, 1.71),
        Published("Wang et al.", 2020, 2.52, 2.28, 3.16, 2.01),
        Published("Song et al.", 2020, 2.54, 1.99, 3.49, 1.76),
        Published("Ji et al.", 2021, 2.45, 1.78, 3.01, 1.56),
        Published("Sinha et al.", 2022, 2.18, 0.77, 1.24, 0.50),
        Published("Cao et al.", 2023, 1.92, 0.97, 1.25, 0.70),
        Published("KFusion of Dual-Domain", 2024, 1.33, 0.81, 1.22, 0.59),
    ),
    "CREMA-D (Table 1)": (
        Published("Vougioukas et al.", 2020, 2.90, 0.42, 2.80, 0.34),
        Published("Eskimez et al.", 2021, 6.14, 0.49, 5.89, 0.40),
        Published("Sinha et al.", 2022, 2.41, 0.69, 1.35, 0.46),
        Published("KFusion of Dual-Domain", 2024, 2.37, 0.66, 1.23, 0.52),
    ),
    "Ablations (Table 2)": (
        Published("w/o KFusion", None, 3.300, 2.451, 8.624, 10.00),
        Published("w/o LSTM", None, 2.799, 1.787, 5.490, 6.123),
        Published("w/o Global", None, 2.120, 1.373, 4.126, 6.015),
        Published("repl MLP", None, 1.380, 2.520, 3.990, 3.480),
        Published("Proposed", None, 1.333, 0.808, 1.225, 0.599),
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
