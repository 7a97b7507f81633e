"""Figures that papers print: other data, detectors, crops and units, so they are never ranked with ours.

From Table 1 and Table 2 of Vo-Thanh, Nguyen and Kim 2024. They mix units, crops and teacher forcing, and
in the proposed row M-LD is above F-LD, which no unit explains.
"""

LABEL = "published, other protocol"

TABLES: dict[str, dict[str, tuple[float, ...]]] = {
    "MEAD (Table 1)": {
        "Chen et al. 2019": (3.27, 2.09, 3.82, 1.71),
        "Wang et al. 2020": (2.52, 2.28, 3.16, 2.01),
        "Song et al. 2020": (2.54, 1.99, 3.49, 1.76),
        "Ji et al. 2021": (2.45, 1.78, 3.01, 1.56),
        "Sinha et al. 2022": (2.18, 0.77, 1.24, 0.50),
        "Cao et al. 2023": (1.92, 0.97, 1.25, 0.70),
        "KFusion of Dual-Domain 2024": (1.33, 0.81, 1.22, 0.59),
    },
    "CREMA-D (Table 1)": {
        "Vougioukas et al. 2020": (2.90, 0.42, 2.80, 0.34),
        "Eskimez et al. 2021": (6.14, 0.49, 5.89, 0.40),
        "Sinha et al. 2022": (2.41, 0.69, 1.35, 0.46),
        "KFusion of Dual-Domain 2024": (2.37, 0.66, 1.23, 0.52),
    },
    "Ablations (Table 2)": {
        "w/o KFusion": (3.300, 2.451, 8.624, 10.00),
        "w/o LSTM": (2.799, 1.787, 5.490, 6.123),
        "w/o Global": (2.120, 1.373, 4.126, 6.015),
        "repl MLP": (1.380, 2.520, 3.990, 3.480),
        "Proposed": (1.333, 0.808, 1.225, 0.599),
    },
}
"""Table, method and its year -> its scores in the order of `PAPER`."""

KEPT_IN_TABLES = (
    ("Vougioukas et al. 2020", "CREMA-D (Table 1)"),
    ("KFusion of Dual-Domain 2024", "MEAD (Table 1)"),
)
"""Systems that keep their line in our tables with what was printed, and the table that is from: one that has no
landmark stage to rebuild, and the paper's own."""
