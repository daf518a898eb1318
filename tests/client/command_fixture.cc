#include "tests/client/command_fixture.h"

#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/cli/commands.h"
#include "google/protobuf/util/json_util.h"

namespace millrace::client {

google::protobuf::Value Ran::json() const {
  google::protobuf::Value value;
  const auto status = google::protobuf::util::JsonStringToMessage(out, &value);
  EXPECT_TRUE(status.ok()) << status << "\n" << out << "\n" << err;
  return value;
}

google::protobuf::Value At(const google::protobuf::Value& value, const std::string& path) {
  google::protobuf::Value at = value;
  for (const auto piece : absl::StrSplit(path, '.')) {
    google::protobuf::Value next;
    int index = 0;
    if (at.has_list_value() && absl::SimpleAtoi(piece, &index) &&
        index < at.list_value().values_size()) {
      next = at.list_value().values(index);
    } else if (const auto& fields = at.struct_value().fields();
               fields.count(std::string(piece)) > 0) {
      next = fields.at(std::string(piece));
    }
    at = next;
  }
  return at;
}

double NumberAt(const google::protobuf::Value& value, const std::string& path) {
  const google::protobuf::Value at = At(value, path);
  return at.has_number_value() ? at.number_value() : std::numeric_limits<double>::quiet_NaN();
}

bool HasAt(const google::protobuf::Value& value, const std::string& path) {
  const google::protobuf::Value at = At(value, path);
  return at.kind_case() != google::protobuf::Value::KIND_NOT_SET && !at.has_null_value();
}

Ran CommandTest::Run(const std::vector<std::string>& arguments) {
  std::vector<std::string> all = {"--server", server_.address()};
  all.insert(all.end(), arguments.begin(), arguments.end());
  std::ostringstream out, err;
  Io io;
  io.in = in_;
  io.out = &out;
  io.err = &err;
  io.stop = &stop_;
  Ran ran;
  ran.exit_code = RunCommand(all, io);
  ran.out = out.str();
  ran.err = err.str();
  return ran;
}

std::string CommandTest::WriteFile(const std::string& name, const std::string& contents) {
  const std::string path =
      absl::StrCat(testing::TempDir(), "/",
                   testing::UnitTest::GetInstance()->current_test_info()->name(), "_", name);
  std::ofstream(path, std::ios::binary) << contents;
  return path;
}

std::string CommandTest::WriteNpy(const std::string& name, std::size_t columns,
                                  const std::vector<float>& values) {
  std::string text("\x93NUMPY\x01\x00", 8);
  const std::string header = absl::StrCat("{'descr': '<f4', 'fortran_order': False, 'shape': (",
                                          values.size() / columns, ", ", columns, "), }\n");
  text += static_cast<char>(header.size());
  text += '\0';
  text += header;
  text.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  return WriteFile(name, text);
}

void CommandTest::MakeModel(const std::string& name, const std::string& spec) {
  const Ran ran = Run({"model", "create", name, "--spec", WriteFile(name + ".textproto", spec)});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
}

void CommandTest::Open(const std::string& stream, const std::string& model) {
  const Ran ran = Run({"stream", "open", stream, "--model", model});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
}

std::string CommandTest::Digest(const std::string& stream) {
  return At(Run({"stream", "show", stream, "--json"}).json(), "digest").string_value();
}

}  // namespace millrace::client
