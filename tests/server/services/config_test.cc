#include "server/config/config.h"

#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "server/config/flags.h"
#include "server/config/settings.h"

namespace millrace::server {
namespace {

std::string Write(const std::string& name, const std::string& text) {
  const std::string path = ::testing::TempDir() + name;
  std::ofstream(path) << text;
  return path;
}

absl::StatusOr<CommandLine> Parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "millraced");
  return ParseCommandLine(static_cast<int>(arguments.size()), arguments.data());
}

TEST(ConfigTest, TheTableAndTheConfigFileHaveTheSameFields) {
  const auto* descriptor = ServerConfig::descriptor();
  EXPECT_EQ(static_cast<std::size_t>(descriptor->field_count()), SettingRows().size());
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const SettingRow* row = FindSetting(descriptor->field(i)->name().c_str());
    ASSERT_NE(row, nullptr) << descriptor->field(i)->name();
    if (std::string(row->type) == "integer") {
      EXPECT_LE(row->minimum, row->integer) << row->name;
      EXPECT_LE(row->integer, row->maximum) << row->name;
    }
  }
}

TEST(ConfigTest, DefaultsFillWhatIsAbsent) {
  const auto line = Parse({"--store", "s"});
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_EQ(line->config.listen(), "127.0.0.1:7070");
  EXPECT_EQ(line->config.max_message_bytes(), 64 << 20);
  EXPECT_EQ(line->config.learn_budget_bytes(), 16 << 20);
  EXPECT_FALSE(line->check_config);
  const RuntimeOptions options = ToRuntimeOptions(line->config);
  EXPECT_EQ(options.store_path, "s");
  EXPECT_EQ(options.window_steps, 4096u);
  EXPECT_EQ(options.idle_page_out, absl::Minutes(10));
}

TEST(ConfigTest, ThePageIsServedUnlessTurnedOffOrClientsMustShowACertificate) {
  ServerConfig config;
  config.set_metrics_listen("0.0.0.0:9464");
  EXPECT_TRUE(ServesPage(config));
  config.set_tls_client_ca("ca.pem");
  EXPECT_FALSE(ServesPage(config));
  config.set_metrics_listen("127.0.0.1:9464");
  EXPECT_TRUE(ServesPage(config));
  config.set_no_page(true);
  EXPECT_FALSE(ServesPage(config));
}

TEST(ConfigTest, FlagsOverrideTheFile) {
  const std::string path = Write("flags_override.textproto",
                                 "listen: \"127.0.0.1:1\" store: \"from_file\" snapshot_steps: 7 "
                                 "watch_streams: \"x\" watch_streams: \"y\"");
  const auto line = Parse(
      {"--config", path.c_str(), "--listen", "127.0.0.1:2", "--watch_streams=z", "--check_config"});
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_EQ(line->config.listen(), "127.0.0.1:2");
  EXPECT_EQ(line->config.store(), "from_file");
  EXPECT_EQ(line->config.snapshot_steps(), 7);
  ASSERT_EQ(line->config.watch_streams_size(), 1);
  EXPECT_EQ(line->config.watch_streams(0), "z");
  EXPECT_TRUE(line->check_config);
}

struct Wrong {
  const char* name;
  std::vector<const char*> arguments;
  std::vector<const char*> sentence;  // holds all of these
};

class WrongCommandLine : public ::testing::TestWithParam<Wrong> {};

TEST_P(WrongCommandLine, IsRefusedWithOneSentenceThatNamesTheSetting) {
  const auto line = Parse(GetParam().arguments);
  ASSERT_FALSE(line.ok());
  const std::string sentence(line.status().message());
  for (const char* part : GetParam().sentence) {
    EXPECT_NE(sentence.find(part), std::string::npos) << sentence;
  }
  EXPECT_EQ(sentence.find('\n'), std::string::npos) << sentence;
}

INSTANTIATE_TEST_SUITE_P(
    ConfigTest, WrongCommandLine,
    ::testing::Values(
        Wrong{"NoStore", {}, {"store", "--store DIR"}},
        Wrong{"UnknownFlag", {"--store", "s", "--colour", "red"}, {"colour", "--help"}},
        Wrong{"NotANumber", {"--store", "s", "--window_steps", "many"}, {"window_steps", "many"}},
        Wrong{"TooSmall", {"--store", "s", "--window_steps", "0"}, {"window_steps", "0", "1 to"}},
        Wrong{"NoPort", {"--store", "s", "--listen", "localhost"}, {"listen", "localhost", "port"}},
        Wrong{"NotLoopback",
              {"--store", "s", "--listen", "0.0.0.0:1"},
              {"0.0.0.0:1", "--tls_cert", "--insecure_listen"}},
        Wrong{"MetricsNotLoopback",
              {"--store", "s", "--metrics_listen", "0.0.0.0:1"},
              {"metrics_listen", "0.0.0.0:1", "--insecure_listen"}},
        Wrong{"CertificateWithoutKey", {"--store", "s", "--tls_cert", "c"}, {"tls_key"}},
        Wrong{"ClientAuthoritiesWithoutTls",
              {"--store", "s", "--tls_client_ca", "c"},
              {"tls_client_ca", "tls_cert"}},
        Wrong{"NoSuchFile", {"--config", "/nowhere/x"}, {"/nowhere/x"}}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(ConfigTest, PlainTextBeyondLoopbackIsAllowedWhereItIsAskedFor) {
  EXPECT_TRUE(Parse({"--store", "s", "--listen", "0.0.0.0:1", "--insecure_listen"}).ok());
  EXPECT_TRUE(
      Parse({"--store", "s", "--listen", "0.0.0.0:1", "--tls_cert", "c", "--tls_key", "k"}).ok());
  EXPECT_TRUE(Parse({"--store", "s", "--listen", "[::1]:1"}).ok());
}

TEST(ConfigTest, AnUnknownFieldOfTheFileIsAnErrorWithItsPlace) {
  const std::string path = Write("unknown_field.textproto", "store: \"s\"\ncolour: \"red\"\n");
  const auto line = Parse({"--config", path.c_str()});
  ASSERT_FALSE(line.ok());
  EXPECT_NE(line.status().message().find("2:"), absl::string_view::npos) << line.status();
  EXPECT_NE(line.status().message().find("colour"), absl::string_view::npos) << line.status();
}

TEST(ConfigTest, HelpNamesEverySetting) {
  ::testing::internal::CaptureStdout();
  const auto line = Parse({"--help"});
  const std::string help = ::testing::internal::GetCapturedStdout();
  ASSERT_TRUE(line.ok());
  EXPECT_TRUE(line->answered);
  for (const SettingRow& row : SettingRows()) {
    EXPECT_NE(help.find(std::string("--") + row.name), std::string::npos) << row.name;
  }
}

}  // namespace
}  // namespace millrace::server
