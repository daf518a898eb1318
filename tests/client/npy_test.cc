#include "client/cli/npy.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "absl/strings/str_cat.h"

namespace millrace::client {
namespace {

std::string Npy(const std::string& type, const std::string& shape, const std::string& values,
                const std::string& order = "False", int major = 1) {
  std::string header =
      absl::StrCat("{'descr': ", type, ", 'fortran_order': ", order, ", 'shape': ", shape, ", }\n");
  std::string text("\x93NUMPY", 6);
  text += static_cast<char>(major);
  text += '\0';
  text += static_cast<char>(header.size());
  text += '\0';
  if (major == 2) text.append(2, '\0');
  return text + header + values;
}

template <typename T>
std::string Raw(std::initializer_list<T> values) {
  return std::string(reinterpret_cast<const char*>(values.begin()), values.size() * sizeof(T));
}

std::string Message(const std::string& contents) {
  return std::string(ParseNpy(contents, "x.npy").status().message());
}

TEST(NpyTest, EveryTypeIsConvertedWithoutTruncation) {
  const auto floats = ParseNpy(Npy("'<f4'", "(2, 2)", Raw({1.5f, -2.f, 3.f, 4.f})), "x");
  ASSERT_TRUE(floats.ok()) << floats.status();
  EXPECT_EQ(floats->rows, 2u);
  EXPECT_EQ(floats->columns, 2u);
  EXPECT_EQ(floats->values, (std::vector<float>{1.5f, -2, 3, 4}));
  EXPECT_EQ(ParseNpy(Npy("'<f8'", "(2,)", Raw({0.5, 1e-3})), "x")->values,
            (std::vector<float>{.5f, 1e-3f}));
  EXPECT_EQ(ParseNpy(Npy("'|u1'", "(1, 2)", Raw<std::uint8_t>({255, 7})), "x")->values,
            (std::vector<float>{255, 7}));
  EXPECT_EQ(ParseNpy(Npy("'<i2'", "(2, 1)", Raw<std::int16_t>({-1, 32767})), "x")->values,
            (std::vector<float>{-1, 32767}));
}

TEST(NpyTest, VersionTwoIsReadAndVersionThreeRefused) {
  EXPECT_TRUE(ParseNpy(Npy("'<f4'", "(1,)", Raw({1.f}), "False", 2), "x").ok());
  EXPECT_NE(Message(Npy("'<f4'", "(1,)", Raw({1.f}), "False", 3)).find("version 3"),
            std::string::npos);
}

TEST(NpyTest, WhatCannotBeReadIsRefusedWithASentence) {
  EXPECT_EQ(Message("hello"),
            "'x.npy' is no .npy file: it does not begin with NumPy's magic string");
  EXPECT_NE(Message(Npy("'<f4'", "(1,)", Raw({1.f}), "True")).find("Fortran order"),
            std::string::npos);
  EXPECT_NE(Message(Npy("'>f4'", "(1,)", Raw({1.f}))).find("'>f4'; expected '<f4'"),
            std::string::npos);
  EXPECT_NE(Message(Npy("'<i8'", "(1,)", Raw<std::int64_t>({1}))).find("astype"),
            std::string::npos);
  EXPECT_NE(Message(Npy("'<f4'", "(2,)", Raw({1.f})))
                .find("holds 4 bytes of values; its shape "
                      "needs 8"),
            std::string::npos);
  EXPECT_NE(Message(Npy("'<f4'", "(1, 1, 1)", Raw({1.f}))).find("3 dimensions"), std::string::npos);
  EXPECT_NE(Message(Npy("'<f8'", "(1,)", Raw({1e300}))).find("float32 cannot hold"),
            std::string::npos);
  EXPECT_NE(Message(Npy("'<f4'", "(4294967295, 4294967295)", "")).find("split it"),
            std::string::npos);
  const std::string whole = Npy("'<f4'", "(1,)", Raw({1.f}));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(ParseNpy(whole.substr(0, size), "x").ok()) << size;
  }
}

TEST(NpyTest, AnInfiniteFloat64StaysInfinite) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(ParseNpy(Npy("'<f8'", "(1,)", Raw({infinity})), "x")->values[0], infinity);
}

TEST(NpyTest, AMissingFileIsNotFound) {
  EXPECT_EQ(ReadNpy("does_not_exist.npy").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace millrace::client
