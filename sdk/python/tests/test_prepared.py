"""Prepared arguments are the same bytes as the ones they were made of."""

from strobe_plugin._names import encode
from strobe_plugin.trace import Prepared, Shapes, Text, name


def test_same_bytes() -> None:
    args = {name("step"): 3, "t": 0.5, "dtype": Text("float32"), "Input Dims": Shapes([[2, 70], [70]]), "note": "x" * 2000}
    prepared = Prepared(args)
    assert encode(prepared) == encode(args)
    assert dict(prepared) == args
