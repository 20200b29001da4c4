"""What ``import sqlembed`` gives, and what it costs."""

from __future__ import annotations

import re
import subprocess
import sys

import sqlembed
from sqlembed import errors
from sqlembed.schema import functions

HEAVY = ("torch", "sklearn", "pyarrow", "sentence_transformers", "transformers", "sqlalchemy")


def test_all_is_sorted_and_every_name_is_there() -> None:
    assert sqlembed.__all__ == sorted(sqlembed.__all__)
    for name in sqlembed.__all__:
        assert getattr(sqlembed, name) is not None
    assert set(sqlembed.__all__) <= set(dir(sqlembed))


def test_no_module_hides_a_public_name() -> None:
    code = "; ".join(
        (
            "import pkgutil, sqlembed",
            "modules = {module.name for module in pkgutil.iter_modules(sqlembed.__path__)}",
            "print(sorted(modules & set(sqlembed.__all__)))",
        )
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_importing_loads_nothing_heavy() -> None:
    code = f"import sys, sqlembed; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_public_classes_load_no_model_library() -> None:
    code = (
        "import sys, sqlembed; [getattr(sqlembed, name) for name in sqlembed.__all__];"
        "print([name for name in ('torch', 'sklearn', 'pyarrow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_sqlstate_that_sql_raises_is_listed() -> None:
    raised = {
        code for text in functions.sql_files().values() for code in re.findall(r"'(SE\d{3})'", text)
    }
    assert raised == errors.SQLSTATES.keys()


def test_every_error_says_what_it_is() -> None:
    classes = [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, errors.SqlembedError)
    ]
    assert len(classes) > 10
    assert all(value.__doc__ and value.__name__ in (errors.__doc__ or "") for value in classes)
    assert all(len(code) == 5 and code.startswith("SE") for code in errors.SQLSTATES)
