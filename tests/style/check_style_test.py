"""The style rules, each seen to report what it is for, and to stay silent on a clean tree."""

import os
import tempfile
import textwrap
import unittest

import check_style
import functions
import rules

_OPENING = "// What this is.\n"
_LONG_BODY = "  Step();\n" * 70


def _violations(sources: dict[str, str]) -> list[str]:
    """What the checker prints for a tree of these files, path to text."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in sources.items():
            full = os.path.join(root, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8") as stream:
                stream.write(text)
        return check_style.check(root)


# For each rule, small trees of one bad file and the place that must be reported.
_BAD = {
    "include_direction": [
        ("kernels/a.cc", '#include "engine/stream.h"\n', 1),
        ("kernels/a.cc", '\n#include "absl/status/status.h"\n', 2),
        ("kernels/math/a.h", _OPENING + "#include <ATen/ATen.h>\n", 2),
        ("engine/a.cc", '#include "server/runtime.h"\n', 1),
        ("engine/a.cc", "#include <grpcpp/grpcpp.h>\n", 1),
        ("engine/a.cc", '#include "millrace/v1/learn.pb.h"\n', 1),
        ("engine/a.cc", "#include <prometheus/registry.h>\n", 1),
        ("engine/a.h", _OPENING + "#include <ATen/ATen.h>\n", 2),
        ("engine/a.cc", "#include <absl/synchronization/mutex.h>\n", 1),
        ("server/a.cc", '#include "client/cpp/client.h"\n', 1),
        ("server/a.cc", '#include "kernels/ops.h"\n', 1),
        ("server/a.cc", "#include <torch/torch.h>\n", 1),
        ("client/cpp/a.cc", '#include "engine/engine.h"\n', 1),
        ("client/cli/a.cc", '#include "server/runtime.h"\n', 1),
        ("tests/reference/a.cc", '#include "kernels/math/tanh.h"\n', 1),
        ("engine/a.cc", '#include "tests/support/clock.h"\n', 1),
    ],
    "proto_imports": [("proto/a.proto", 'import "other/b.proto";\n', 1)],
    "include_paths": [
        ("engine/a.cc", '#include "../kernels/ops.h"\n', 1),
        ("engine/a.cc", '#include "stream.h"\n', 1),
    ],
    "device_syntax": [
        ("kernels/cpu/a.cc", "__global__ void F();\n", 1),
        ("engine/a.cc", "#include <cuda_runtime.h>\n", 1),
    ],
    "banned_names": [
        ("engine/stream_manager.cc", "", 0),
        ("engine/utils/a.cc", "", 0),
        ("engine/a.cc", "class StreamHelper {};\n", 1),
        ("proto/a.proto", "\nmessage StreamInfo {}\n", 2),
    ],
    "file_size": [("engine/a.cc", "int a;\n" * 401, 0), ("tests/a.py", "a = 1\n" * 401, 0)],
    "function_size": [
        ("engine/a.cc", "namespace a {\nvoid F() {\n" + _LONG_BODY + "}\n}\n", 2),
        ("tests/a.py", "def f():\n" + "    step()\n" * 70, 1),
    ],
    "line_length": [("engine/a.cc", "\n// " + "x" * 98 + "\n", 2)],
    "header_opening": [("engine/a.h", "#ifndef A_H_\n", 1)],
    "readme_per_layer": [("server/a.cc", "", None)],
    "forbidden_text": [
        ("engine/a.cc", "// see /wo" "rk/notes\n", 1),
        ("deploy/a.sh", "get py" "pi.org\n", 1),
        ("engine/a.cc", "// METH" "ODS 1.16\n", 1),
    ],
    "unfinished_work": [("engine/a.cc", "// TO" "DO: later\n", 1)],
    "client_python_imports": [("client/python/a.py", "import torch\n", 1)],
}

_CLEAN = {
    "engine/README.md": "# Engine, absl/synchronization/mutex.h and kernels/\n",
    "engine/a.h": _OPENING + '#include "kernels/ops.h"\n',
    "engine/a.cc": '// #include "server/a.h"\n#include <ATen/ATen.h>\nconst char* s = "<<<";\n',
    "kernels/README.md": "# Kernels\n",
    "kernels/cuda/a.cu": "#include <cuda_runtime.h>\n__global__ void F() {}\n",
    "kernels/metadata.cc": "struct ErrorInformation {};\n",
    "server/README.md": "# Server\n",
    "server/a.cc": '#include "engine/stream.h"\n#include "millrace/v1/learn.pb.h"\n',
}


class Rules(unittest.TestCase):
    def test_every_rule_has_a_bad_tree(self):
        self.assertEqual({rule.__name__ for rule in rules.RULES}, set(_BAD))

    def test_each_bad_tree_is_reported_with_its_place(self):
        for rule, trees in _BAD.items():
            for path, text, line in trees:
                place = f"{path}:{line}" if line is not None else f"{path.split('/')[0]}:0"
                with self.subTest(rule=rule, path=path, text=text[:40]):
                    found = _violations({path: text})
                    expected = f"{place}: [{rule}]"
                    self.assertTrue(any(v.startswith(expected) for v in found), found)

    def test_a_clean_tree_is_silent(self):
        self.assertEqual(_violations(_CLEAN), [])

    def test_folders_that_are_made_are_not_looked_at(self):
        self.assertEqual(_violations({"build/engine/a.h": "", ".venv/util.py": ""}), [])


class CxxFunctions(unittest.TestCase):
    def lengths(self, text: str) -> dict[str, int]:
        found = functions.cxx_functions(textwrap.dedent(text))
        return {function.name: function.lines for function in found}

    def test_counts_signature_and_body(self):
        text = """\
            namespace a {
            int F(int x,
                  int y) {
              if (x) {
                return y;
              }
              return [] { return 1; }();
            }
            }  // namespace a
            """
        self.assertEqual(self.lengths(text), {"F": 7})

    def test_finds_members_and_skips_types_and_initialisers(self):
        text = """\
            struct A {
              int b{1};
              int table[2] = {Make(1), Make(2)};
              int Get() const noexcept { return b; }
              enum class E { kA };
            };
            """
        self.assertEqual(self.lengths(text), {"Get": 1})

    def test_a_constructor_counts_past_its_braced_initialisers(self):
        text = """\
            A::A(int x)
                : a_{x},
                  b_{x} {
              Start();
            }
            """
        self.assertEqual(self.lengths(text), {"A::A": 5})

    def test_braces_in_strings_comments_and_macros_do_not_count(self):
        text = """\
            #define OPEN {
            void F() {
              // }
              Print("}", '}', R"(})");
            }
            void G() {}
            """
        self.assertEqual(self.lengths(text), {"F": 4, "G": 1})

    def test_templates_and_tests_are_functions(self):
        text = """\
            template <typename T, int N = 4>
            T Sum(const T* x) {
              return x[0];
            }
            TEST(Suite, Name) {
              Run();
            }
            """
        self.assertEqual(self.lengths(text), {"Sum": 4, "TEST": 3})


if __name__ == "__main__":
    unittest.main()
