"""Finds the folders that are packaged beside the modules: queries and migrations."""

from pathlib import Path


def find_folder(name: str) -> Path:
    """Return the folder of that name nearest above this module.

    A function's archive has it beside the packages, the repository at its top.

    Raises:
        FileNotFoundError: Neither has the folder.
    """
    for folder in Path(__file__).resolve().parents:
        if (found := folder / name).is_dir():
            return found
    raise FileNotFoundError(f"no folder {name}/ lies beside the packages: the function's archive is not whole")
