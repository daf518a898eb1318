// resume FILE: goes on with every stream of FILE in a process of its own, and prints for each its
// combination's index and digest. FILE holds, again and again: index, length of an encoded
// snapshot (8 bytes each, as this machine has them), the snapshot. See resume_test.cc.
#include <cstdio>
#include <fstream>
#include <string>

#include "tests/conformance/playing.h"
#include "tests/conformance/resume.h"

namespace millrace::conformance {
namespace {

bool Read(std::ifstream* file, std::uint64_t* index, std::string* bytes) {
  std::uint64_t length = 0;
  if (!file->read(reinterpret_cast<char*>(index), sizeof *index)) return false;
  if (!file->read(reinterpret_cast<char*>(&length), sizeof length)) return false;
  bytes->resize(length);
  return !!file->read(bytes->data(), static_cast<std::streamsize>(length));
}

int Run(const char* path) {
  std::ifstream file(path, std::ios::binary);
  std::uint64_t index = 0;
  std::string bytes;
  while (Read(&file, &index, &bytes)) {
    const absl::StatusOr<engine::Snapshot> snapshot = engine::DecodeSnapshot(bytes);
    if (!snapshot.ok()) {
      std::fprintf(stderr, "%s\n", snapshot.status().ToString().c_str());
      return 1;
    }
    const engine::Snapshot end = RestOf(Combinations()[index], *snapshot);
    std::printf("%llu %s\n", static_cast<unsigned long long>(index),
                engine::SnapshotDigest(end).c_str());
  }
  return 0;
}

}  // namespace
}  // namespace millrace::conformance

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: resume FILE\n");
    return 2;
  }
  return millrace::conformance::Run(argv[1]);
}
