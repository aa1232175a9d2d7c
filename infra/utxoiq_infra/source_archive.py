"""A function's source archive, which contains what its main.py imports and reads, and nothing else."""

import ast
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pulumi

QUERIES_LOADER = "utxoiq_persistence.postgres.statements"
COLUMNS = "sql/columns.toml"
COLUMNS_READER = "utxoiq_persistence.postgres.columns"
MIGRATIONS = "migrations"
MIGRATIONS_READER = "utxoiq_persistence.postgres.schema"
OPENAPI = "docs/openapi.json"
OPENAPI_READER = "utxoiq_console.documentation"
# Folders of a package that are read as files.
DATA_FOLDERS = ("static", "templates")


class SourceError(pulumi.RunError):
    """A function whose source is not whole. Pulumi shows its message alone, without a traceback."""


@dataclass(frozen=True)
class SourceArchive:
    """The files of a function's source archive, by their path in it."""

    files: Mapping[str, Path]

    @property
    def digest(self) -> str:
        """Return the SHA-256 of paths and contents, which is the same on every machine."""
        digest = hashlib.sha256()
        for name in sorted(self.files):
            content = self.files[name].read_bytes()
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()

    def as_archive(self) -> pulumi.AssetArchive:
        """Return the files as an archive that Pulumi uploads."""
        return pulumi.AssetArchive({name: pulumi.FileAsset(path) for name, path in self.files.items()})


def collect(repository: Path, function: str) -> SourceArchive:
    """Return the archive of functions/<function>. Raises SourceError if a file that it needs is missing."""
    functions = repository / "functions"
    # A reader that moved would take its data out of every archive without a word.
    for name in (QUERIES_LOADER, COLUMNS_READER, MIGRATIONS_READER, OPENAPI_READER):
        _existing(_module_file(functions, name))
    folder = functions / function
    files = {name: _existing(folder / name) for name in ("main.py", "requirements.txt")}
    packages = {path.parent.name for path in functions.glob("*/__init__.py")}
    pending = [folder / "main.py"]
    seen: set[Path] = set()
    known: set[str] = set()
    while pending:
        source = pending.pop()
        needs = _needs(source.read_bytes(), _module_name(source, functions), source.name == "__init__.py")
        named = _with_packages(needs.modules, packages) - known
        found = set(_files(functions, named)) - seen
        known |= named
        seen |= found
        found_data = [data for path in found if path.name == "__init__.py" for data in _data(path.parent)]
        files.update({path.relative_to(functions).as_posix(): path for path in (*found, *found_data)})
        files.update({f"sql/{table}.sql": _existing(repository / f"sql/{table}.sql") for table in needs.tables})
        pending += found
    if _module_file(functions, COLUMNS_READER) in seen:
        files[COLUMNS] = _existing(repository / COLUMNS)
    if _module_file(functions, MIGRATIONS_READER) in seen:
        files.update(_migrations(repository))
    if _module_file(functions, OPENAPI_READER) in seen:
        files[OPENAPI] = _existing(repository / OPENAPI)
    return SourceArchive(files)


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise SourceError(f"{path} is missing; the function's archive needs it")
    return path


def _module_file(functions: Path, module: str) -> Path:
    return functions / f"{module.replace('.', '/')}.py"


def _data(package: Path) -> Iterator[Path]:
    """Templates and the like, by which modules of the package are of use."""
    for folder in DATA_FOLDERS:
        yield from sorted(path for path in (package / folder).glob("*") if path.is_file())


def _module_name(source: Path, functions: Path) -> str:
    parts = source.relative_to(functions).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@dataclass(frozen=True)
class _Needs:
    """modules: every one that may be meant, wherever in the file it is imported: `from a import b` may mean a.b."""

    modules: frozenset[str]
    tables: frozenset[str]


@cache
def _needs(content: bytes, module: str, is_package: bool) -> _Needs:
    tree = ast.parse(content, filename=module)
    modules = frozenset(_imports(tree, module, is_package))
    reads = any(name.startswith(QUERIES_LOADER) for name in modules)
    return _Needs(modules, frozenset(_tables(tree, module)) if reads else frozenset())


def _imports(tree: ast.AST, module: str, is_package: bool) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level:
                parts = module.split(".")
                origin = ".".join([*parts[: len(parts) - node.level + is_package], *filter(None, [origin])])
            yield origin
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def _with_packages(modules: Iterable[str], packages: Set[str]) -> set[str]:
    """Those modules that lie in one of the packages, and all packages that they lie in."""
    split = (module.split(".") for module in modules)
    return {".".join(parts[:end]) for parts in split if parts[0] in packages for end in range(1, len(parts) + 1)}


def _files(functions: Path, modules: Iterable[str]) -> Iterator[Path]:
    """Those of the modules and packages; a name that is neither has none."""
    for module in modules:
        path = functions.joinpath(*module.split("."))
        if path.is_dir():
            yield _existing(path / "__init__.py")
        elif path.with_suffix(".py").is_file():
            yield path.with_suffix(".py")


def _tables(tree: ast.AST, module: str) -> Iterator[str]:
    """The tables whose queries a module loads."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "load":
            match node.args:
                case [ast.Constant(value=str(table))]:
                    yield table
                case _:
                    raise SourceError(f"{module}, line {node.lineno}: load() takes the table's name as a literal")


def _migrations(repository: Path) -> dict[str, Path]:
    found = (path for suffix in ("py", "sql") for path in (repository / MIGRATIONS).rglob(f"*.{suffix}"))
    files = {path.relative_to(repository).as_posix(): path for path in sorted(found)}
    if not files:
        raise SourceError(f"{repository / MIGRATIONS} holds no migrations")
    return files
