#include "tests/support/npy.h"

#include <gtest/gtest.h>

#include <string>

namespace millrace::testing_support {
namespace {

std::string File(const std::string& type, const std::string& shape, const std::string& payload,
                 const std::string& fortran = "False") {
  std::string header =
      "{'descr': '" + type + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }";
  header.append(117 - header.size(), ' ');
  header.push_back('\n');
  return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size()) + '\0' + header +
         payload;
}

template <typename T>
std::string Bytes(const std::vector<T>& values) {
  return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

TEST(NpyTest, EveryListedTypeIsRead) {
  const std::vector<std::pair<std::string, std::string>> files = {
      {"<f4", Bytes<float>({1, -2, 3, 4, 5, 6})},
      {"<f8", Bytes<double>({1, -2, 3, 4, 5, 6})},
      {"<i2", Bytes<std::int16_t>({1, -2, 3, 4, 5, 6})},
      {"<i8", Bytes<std::int64_t>({1, -2, 3, 4, 5, 6})}};
  for (const auto& [type, payload] : files) {
    const auto array = ParseNpy(File(type, "(3, 2)", payload));
    ASSERT_TRUE(array.ok()) << type << ": " << array.status();
    EXPECT_EQ(array->shape, (std::vector<std::int64_t>{3, 2}));
    EXPECT_EQ(array->values, (std::vector<double>{1, -2, 3, 4, 5, 6}));
  }
  const auto counts = ParseNpy(File("|u1", "(2,)", "\x01\xff"));
  ASSERT_TRUE(counts.ok()) << counts.status();
  EXPECT_EQ(counts->shape, std::vector<std::int64_t>{2});
  EXPECT_EQ(counts->values, (std::vector<double>{1, 255}));
}

TEST(NpyTest, OtherTypesOrdersAndSizesAreRefused) {
  const std::string payload = Bytes<float>({1, 2});
  EXPECT_TRUE(ParseNpy(File("<f4", "(2,)", payload)).ok());
  EXPECT_FALSE(ParseNpy(File(">f4", "(2,)", payload)).ok());
  EXPECT_FALSE(ParseNpy(File("<f4", "(2,)", payload, "True")).ok());
  EXPECT_FALSE(ParseNpy(File("<f4", "(3,)", payload)).ok());
  EXPECT_FALSE(ParseNpy(File("<f4", "(99999999999, 99999999999)", payload)).ok());
  EXPECT_FALSE(ParseNpy("PK").ok());
  const std::string whole = File("<f4", "(2,)", payload);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_FALSE(ParseNpy(whole.substr(0, length)).ok()) << length;
  }
}

}  // namespace
}  // namespace millrace::testing_support
