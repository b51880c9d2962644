"""Properties of the code itself: which way its arrows run, what its objects export, that its versions agree."""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

import limen

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "python" / "limen"

PLAIN_C = {f"<{name}.h>" for name in ("float", "limits", "math", "stddef", "stdint", "string")}
INTRINSICS = {"<arm_neon.h>", "<immintrin.h>", "<x86intrin.h>"}
FRAMEWORK = re.compile(r'[<"](Python\.h|pybind11|nanobind|numpy|torch|ATen|c10|cupy|xla|tensorflow)\b')
CUDA = re.compile(r'[<"](cuda|cub|thrust|nv)')
STANDARD_LIBRARY = re.compile(r"<[a-z_0-9]+(\.h)?>")


def cpp_files(*rooms: str) -> list[Path]:
    suffixes = (".cpp", ".h", ".hpp", ".inl")
    files = [file for room in rooms for file in (ROOT / room).rglob("*") if file.suffix in suffixes]
    assert files, f"no C++ in {rooms}: has the room moved?"
    return sorted(files)


def includes(file: Path) -> list[str]:
    return re.findall(r'^\s*#\s*include\s*(<[^>]+>|"[^"]+")', file.read_text(), flags=re.MULTILINE)


def target_of(file: Path, include: str) -> Path | None:
    """The file of this repository that an include in quotes or of <limen/...> names."""
    name = include.strip('<>"')
    core = ROOT / "cpp"
    folders = [core / "include"] if include.startswith("<") else [file.parent, core, core / "src"]
    return next(((folder / name).resolve() for folder in folders if (folder / name).is_file()), None)


def offending_includes(files: list[Path], allowed: tuple[str, ...], system: re.Pattern[str] | set[str]) -> list[str]:
    """The includes which are neither of a file in the `allowed` folders nor one of the `system` headers."""
    offences = []
    for file in files:
        for include in includes(file):
            target = target_of(file, include)
            if target is not None:
                fine = any(target.is_relative_to(ROOT / folder) for folder in allowed)
            else:
                fine = include in system if isinstance(system, set) else bool(system.fullmatch(include))
            if not fine:
                offences.append(f"{file.relative_to(ROOT)}: {include}")
    return offences


def test_math_includes_what_every_compiler_accepts() -> None:
    assert not offending_includes(cpp_files("cpp/math"), ("cpp/math",), PLAIN_C)


def test_kernels_include_no_inline_code_of_others() -> None:
    # An inline function of the C++ library, compiled here for AVX-512, may become everybody's copy.
    seen, left = set[Path](), cpp_files("cpp/src/simd")
    while left:
        file = left.pop()
        if file not in seen:
            seen.add(file)
            left += filter(None, (target_of(file, include) for include in includes(file)))
    assert not offending_includes(sorted(seen), ("cpp",), PLAIN_C | INTRINSICS)


def test_one_file_names_a_simd_technology() -> None:
    naming = [file.name for file in cpp_files("cpp") if INTRINSICS & set(includes(file))]
    assert set(naming) <= {"vec.h"}


def test_public_headers_include_public_headers() -> None:
    assert not offending_includes(cpp_files("cpp/include"), ("cpp/include",), STANDARD_LIBRARY)


def test_core_knows_no_python_framework_or_cuda() -> None:
    found = [(file.name, name) for file in cpp_files("cpp", "tests/cpp") for name in includes(file)]
    assert not [(file, name) for file, name in found if FRAMEWORK.match(name) or CUDA.match(name)]


def test_cuda_knows_the_core_and_one_header_knows_cuda() -> None:
    files = [file for room in ("cuda/src", "cuda/include") for file in sorted((ROOT / room).rglob("*.*"))]
    assert files, "no CUDA sources: has the room moved?"
    found = [(file.name, name) for file in files for name in includes(file)]
    assert not [(file, name) for file, name in found if FRAMEWORK.match(name)]
    assert {file for file, name in found if re.match(r"<(cuda|cub|thrust|nv)", name)} == {"device.h"}
    assert not [file.name for file in files if "<<<" in file.read_text() and file.name != "device.h"]


def test_bindings_know_pybind11_and_the_core() -> None:
    found = [(file.name, name) for file in cpp_files("python/src") for name in includes(file)]
    foreign = [(file, name) for file, name in found if FRAMEWORK.match(name) or CUDA.match(name)]
    assert not [(file, name) for file, name in foreign if not re.match(r'[<"](Python\.h|pybind11)', name)]


def test_every_source_is_built() -> None:
    listing = (ROOT / "CMakeLists.txt").read_text()
    listed = set(re.findall(r"^\s+((?:cpp|python)/src/\S+\.cpp)$", listing, flags=re.MULTILINE))
    listed |= {f"cpp/src/simd/{name}.cpp" for name in re.findall(r"limen_add_instruction_set\(limen (\w+)", listing)}
    assert listed == {str(f.relative_to(ROOT)) for f in cpp_files("cpp/src", "python/src") if f.suffix == ".cpp"}


def test_every_kernel_is_built() -> None:
    listing = (ROOT / "cmake" / "LimenCuda.cmake").read_text()
    listed = set(re.findall(r"^\s+(cuda/src/\S+\.cu)$", listing, flags=re.MULTILINE))
    assert listed == {str(file.relative_to(ROOT)) for file in (ROOT / "cuda" / "src").glob("*.cu")}


def imports(file: Path, *, at_import_time: bool) -> Iterator[str]:
    """Full names of the modules a file imports: all, or those imported with it."""
    package = ["limen", *file.relative_to(PACKAGE).parent.parts]

    def visit(node: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parent = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, [parent, node.module]))
            yield from (f"{module}.{alias.name}" for alias in node.names)
        later = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        typing_only = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if not (at_import_time and (later or typing_only)):
            for child in ast.iter_child_nodes(node):
                yield from visit(child)

    return visit(ast.parse(file.read_text()))


def package_files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def within(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def test_nothing_imports_the_command_line() -> None:
    files = [file for file in package_files() if file.parent != PACKAGE / "cli" and file != PACKAGE / "__main__.py"]
    found = [(file.name, name) for file in files for name in imports(file, at_import_time=False)]
    assert not [(file, name) for file, name in found if within(name, "limen.cli")]


def test_front_ends_import_nothing_optional() -> None:
    files = [file for file in package_files() if file.parent == PACKAGE and file != PACKAGE / "__main__.py"]
    found = [(file.name, name) for file in files for name in imports(file, at_import_time=True)]
    allowed = (*sys.stdlib_module_names, "numpy", "limen")
    assert not [(file, name) for file, name in found if not within(name, *allowed) or within(name, "limen.torch")]


def test_importing_limen_loads_nothing_optional() -> None:
    code = "import sys, limen; print(*{name.partition('.')[0] for name in sys.modules})"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "limen" in output.split()
    assert not {"torch", "cupy", "jax", "PIL", "jinja2", "skimage", "tqdm", "pyarrow", "onnxruntime"} & set(
        output.split()
    )


def test_versions_agree() -> None:
    declared = re.search(r"project\(limen VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text())
    newest = re.search(r"^## ([0-9.]+)", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert declared is not None
    assert newest is not None
    assert declared[1] == newest[1] == metadata.version("limen") == limen.__version__


@pytest.fixture
def build_folder() -> Path:
    """The CMake build that `make test` has just made."""
    if "LIMEN_BUILD_DIR" not in os.environ:
        pytest.skip("LIMEN_BUILD_DIR names no C++ build: run `make test`")
    if shutil.which("nm") is None:
        pytest.skip("needs nm, of GNU binutils or LLVM")
    return Path(os.environ["LIMEN_BUILD_DIR"])


def symbols(file: Path) -> list[tuple[str, str]]:
    """(type, name) of the external symbols of an object or archive, as nm gives them."""
    output = subprocess.run(["nm", "-g", str(file)], capture_output=True, text=True, check=True).stdout
    return re.findall(r"^[0-9a-f ]*\b([A-Za-z]) (\S+)$", output, flags=re.MULTILINE)


def test_each_instruction_set_exports_one_symbol(build_folder: Path) -> None:
    # Whatever else it exported, a weak copy of an inline function for example, the linker could choose for everybody.
    objects = sorted((build_folder / "CMakeFiles" / "limen.dir" / "cpp" / "src" / "simd").glob("*.o"))
    assert objects, f"no objects of kernels in {build_folder}"
    exported = {file.name: [name for kind, name in symbols(file) if kind not in "Uvw"] for file in objects}
    assert {name: len(names) for name, names in exported.items()} == dict.fromkeys(exported, 1), exported


def test_library_never_prints_or_ends_the_process(build_folder: Path) -> None:
    banned = re.compile(
        r"_*(abort|exit|_exit|quick_exit|assert_fail|assert_rtn|perror|stdout|stderr|stdoutp|stderrp"
        r"|v?f?printf(_chk)?|f?puts|f?putc|putchar|fwrite|raise|kill)"
        r"|_ZSt4(cout|cerr|clog)|_ZNSt3__14(cout|cerr|clog)E|_ZSt21__glibcxx_assert_fail\w*"
    )
    archive = build_folder / "liblimen.a"
    assert symbols(archive), f"no symbols in {archive}"
    assert not [name for _, name in symbols(archive) if banned.fullmatch(name)]
