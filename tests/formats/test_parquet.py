import sys

import numpy as np
import pytest

from kfusion.errors import MissingExtraError


def test_pandas_columns_come_back(smile, written):
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(written(smile, "parquet"))
    assert table.num_rows == 31
    assert table.num_columns == 2 + 136 + 52 + 3
    np.testing.assert_allclose(table["time_s"], np.arange(31) / 30)
    np.testing.assert_allclose(table["x54"], smile.sequence.points[:, 54, 0])
    assert table["mouthSmileLeft"][30].as_py() == pytest.approx(0.8)
    assert table["mouthSmileRight"][30].as_py() == 0
    assert table.schema.metadata[b"kfusion_fps"] == b"30.0"
    assert table.schema.metadata[b"kfusion_coordinates"] == b"image"


def test_without_pyarrow_the_remedy_is_named_and_nothing_is_left(smile, written, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match="pip install pyarrow"):
        written(smile, "parquet")
    assert not list(tmp_path.iterdir())
