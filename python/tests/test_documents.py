"""What the documents and the stubs say is so."""

import inspect
import re
from pathlib import Path

import pytest

import tailcast
from conftest import ROOT
from tailcast import _native, _stub


def test_the_stub_of_settings_is_up_to_date():
    written = Path(tailcast.__file__).with_name("_settings.pyi").read_text(encoding="utf-8")
    assert written == _stub.stub(), "python -m tailcast._stub python/tailcast"


def test_every_key_that_the_stub_names_is_one_of_scenarios():
    known = tailcast.schema()["properties"]
    for key, *_ in _native.changes():
        table, _, name = key.partition(".")
        assert table in known, key
        if name and "$ref" not in known[table]:
            assert name in known[table]["properties"], key


def test_everything_public_says_what_it_is():
    for name in tailcast.__all__:
        public = getattr(tailcast, name)
        assert inspect.getdoc(public), name
        if inspect.isclass(public) and public.__module__.startswith("tailcast.") and not issubclass(public, Exception):
            for method, value in vars(public).items():
                assert method.startswith("_") or inspect.getdoc(value), f"{name}.{method}"


def test_the_compiled_part_offers_what_its_stub_says():
    text = Path(tailcast.__file__).with_name("_native.pyi").read_text(encoding="utf-8")
    functions = re.findall(r"^def (\w+)\(", text, re.MULTILINE)
    offered = [name for name, value in vars(_native).items() if callable(value) and not inspect.isclass(value)]
    assert sorted(functions) == sorted(offered)
    for name in re.findall(r"^class (\w+):", text, re.MULTILINE):
        body = text.split(f"class {name}:")[1].split("\n@final")[0].split("\ndef ")[0]
        methods = set(re.findall(r"    def (\w+)\(", body)) - {"__new__"}
        members = vars(getattr(_native, name)).items()
        offered = {it for it, value in members if callable(value) or inspect.isdatadescriptor(value)}
        # Classes have more with two underscores than anybody declares.
        own = {it for it in offered if not it.startswith("__") or it in methods}
        statics = {it for it in methods if isinstance(vars(getattr(_native, name)).get(it), staticmethod)}
        assert methods == own | statics, name


def test_the_script_of_the_page_runs(capsys):
    page = (ROOT / "docs" / "PYTHON.md").read_text(encoding="utf-8")
    script = re.search(r"A script, which a test runs.*?```python\n(.*?)```", page, re.DOTALL)
    assert script and script[1].count("\n") <= 12
    exec(compile(script[1], "PYTHON.md", "exec"), {})
    assert "TTFT" in capsys.readouterr().out


def test_types_hold():
    api = pytest.importorskip("mypy.api")
    out, problems, code = api.run(["--strict", "--package", "tailcast"])
    assert code == 0, out + problems
