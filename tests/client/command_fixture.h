// Runs `millrace` in the test's own process against a fake server, with recordings made on the
// spot.
#ifndef MILLRACE_TESTS_CLIENT_COMMAND_FIXTURE_H_
#define MILLRACE_TESTS_CLIENT_COMMAND_FIXTURE_H_

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <vector>

#include "google/protobuf/struct.pb.h"
#include "tests/client/fake_server.h"

namespace millrace::client {

struct Ran {
  int exit_code = 0;
  std::string out, err;
  // `out` as JSON; the test fails where it is none.
  google::protobuf::Value json() const;
};

// A member of an object by its path, e.g. "baselines.last_label.accuracy"; numbers index arrays.
// Null where there is none.
google::protobuf::Value At(const google::protobuf::Value& value, const std::string& path);
double NumberAt(const google::protobuf::Value& value, const std::string& path);
bool HasAt(const google::protobuf::Value& value, const std::string& path);

class CommandTest : public testing::Test {
 protected:
  // With --server before the arguments.
  Ran Run(const std::vector<std::string>& arguments);

  // Files in the test's own folder; the path comes back.
  std::string WriteFile(const std::string& name, const std::string& contents);
  // float32 [rows, columns].
  std::string WriteNpy(const std::string& name, std::size_t columns,
                       const std::vector<float>& values);
  // A model with these parts, made through the command.
  void MakeModel(const std::string& name, const std::string& spec);
  void Open(const std::string& stream, const std::string& model);
  std::string Digest(const std::string& stream);

  FakeServer server_;
  std::atomic<bool> stop_ = false;
  int in_ = 0;  // what commands read as standard input
};

inline constexpr char kClassSpec[] =
    "input { name: 'vector' settings { name: 'size' integer: 1 } }"
    "cell { name: 'vanilla' settings { name: 'units' integer: 2 } }"
    "head { name: 'linear' settings { name: 'outputs' integer: 3 } }"
    "loss { name: 'cross_entropy' } target { name: 'delayed' }";
inline constexpr char kValueSpec[] =
    "input { name: 'vector' settings { name: 'size' integer: 1 } }"
    "head { name: 'linear' settings { name: 'outputs' integer: 2 } }"
    "loss { name: 'mean_squared_error' } target { name: 'with_observation' }";
inline constexpr char kByteSpec[] =
    "input { name: 'bytes' } loss { name: 'cross_entropy' } target { name: 'next_input' }";

}  // namespace millrace::client

#endif  // MILLRACE_TESTS_CLIENT_COMMAND_FIXTURE_H_
