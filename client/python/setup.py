"""Generates millrace/v1 from the wire contract (proto/ at the root of the repository) at build."""

import pathlib
import sys

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = pathlib.Path(__file__).resolve().parent
PROTO = HERE.parent.parent / "proto"


def generate(target: pathlib.Path) -> None:
    """Writes millrace/v1/*_pb2{,_grpc}.py and their types below `target`."""
    import google.rpc.status_pb2  # googleapis-common-protos carries google/rpc/*.proto
    import grpc_tools
    from grpc_tools import protoc

    sources = sorted(str(path.relative_to(PROTO)) for path in PROTO.glob("millrace/v1/*.proto"))
    if not sources:
        raise SystemExit(f"no proto files under {PROTO}; build the package inside the repository")
    well_known = pathlib.Path(grpc_tools.__file__).parent / "_proto"
    rpc = pathlib.Path(google.rpc.status_pb2.__file__).parent.parent.parent
    arguments = ["protoc", f"-I{PROTO}", f"-I{rpc}", f"-I{well_known}", f"--python_out={target}",
                 f"--pyi_out={target}", f"--grpc_python_out={target}", *sources]
    if protoc.main(arguments) != 0:
        raise SystemExit("protoc failed")
    (target / "millrace" / "v1" / "__init__.py").write_text('"""The generated wire contract."""\n')


class BuildWithProto(build_py):
    def run(self) -> None:
        generate(HERE / "src")
        super().run()


# The package is declared, so its folder must be there before anything is generated into it.
(HERE / "src" / "millrace" / "v1").mkdir(exist_ok=True)
if len(sys.argv) > 1 and sys.argv[1] == "generate":
    generate(HERE / "src")
else:
    setup(cmdclass={"build_py": BuildWithProto})
