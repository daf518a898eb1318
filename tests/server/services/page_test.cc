#include "server/page/page.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/page/document.h"
#include "tests/server/services/fake_runtime.h"

namespace millrace::server {
namespace {

using nlohmann::json;

void Open(FakeRuntime* runtime, const std::string& id) {
  v1::OpenStreamRequest request;
  request.set_id(id);
  ASSERT_TRUE(runtime->OpenStream(request).ok());
}

CurvePoint At(std::uint64_t step) {
  return {static_cast<double>(step), step, 1.0f / static_cast<float>(step + 1), NAN, NAN};
}

// Lets the local principal see streams that begin with a letter, and nothing else.
class Choosy final : public Authorizer {
 public:
  absl::Status Authorize(const std::string& principal, Verb verb,
                         absl::string_view stream) const override {
    const bool seen = verb == Verb::kObserve && absl::StartsWith(stream, "open");
    return seen ? absl::OkStatus() : NotAllowed(principal, verb, stream);
  }
};

TEST(CurveTest, KeepsTheLastPointsAndTheWholeTimeInAsMany) {
  Curve curve;
  constexpr std::uint64_t kSteps = 10000;
  for (std::uint64_t step = 1; step <= kSteps; ++step) curve.Add(At(step));
  ASSERT_EQ(curve.recent().size(), Curve::kMostPoints);
  EXPECT_EQ(curve.recent().front().step, kSteps - Curve::kMostPoints + 1);
  EXPECT_EQ(curve.recent().back().step, kSteps);
  EXPECT_LT(curve.whole().size(), Curve::kMostPoints);
  EXPECT_GE(curve.whole().size(), Curve::kMostPoints / 2);
  EXPECT_EQ(curve.whole().front().step, 1u);
  const std::uint64_t stride = curve.whole()[1].step - curve.whole()[0].step;
  for (std::size_t i = 1; i < curve.whole().size(); ++i) {
    EXPECT_EQ(curve.whole()[i].step - curve.whole()[i - 1].step, stride) << i;
  }
  EXPECT_GT(curve.whole().back().step + stride, kSteps);
}

TEST(CurveTest, AStreamThatStandsStillAddsNothingAndOneThatWentBackBeginsAgain) {
  Curve curve;
  curve.Add(At(5));
  curve.Add(At(5));
  EXPECT_EQ(curve.recent().size(), 1u);
  curve.Add(At(9));
  curve.Add(At(2));
  ASSERT_EQ(curve.recent().size(), 1u);
  EXPECT_EQ(curve.whole().front().step, 2u);
}

TEST(HistoryTest, FollowsABoundedNumberOfStreamsThoseAskedForFirst) {
  FakeRuntime runtime;
  for (int i = 0; i < 100; ++i) Open(&runtime, absl::StrCat("s", 100 + i));
  History history(&runtime, {"s190"}, absl::Hours(1));
  history.Look("s199");
  history.Sample(absl::Now());
  EXPECT_EQ(history.Of("s100").recent().size(), 1u);
  EXPECT_EQ(history.Of("s190").recent().size(), 1u);
  EXPECT_EQ(history.Of("s199").recent().size(), 1u);
  int followed = 0;
  for (int i = 0; i < 100; ++i) {
    followed += history.Of(absl::StrCat("s", 100 + i)).recent().empty() ? 0 : 1;
  }
  EXPECT_EQ(followed, static_cast<int>(History::kMostStreams));
  for (int i = 0; i < 20; ++i) history.Look(absl::StrCat("s", 100 + i));
  history.Sample(absl::Now());
  EXPECT_TRUE(history.Of("s199").recent().empty()) << "asked for too long ago";
}

TEST(DocumentTest, HoldsItsSourcesAndItsPolicyTheirHashes) {
  const HttpReply page = MakeDocument(PageSources());
  EXPECT_FALSE(absl::StrContains(page.body, "src=")) << "something is loaded";
  EXPECT_FALSE(absl::StrContains(page.body, "stylesheet"));
  EXPECT_TRUE(absl::StrContains(page.body, "function drawChart("));
  // Of the source "abc": known beforehand.
  const PageSource sources[] = {{"page.html", "<script src=\"a.js\"></script>"}, {"a.js", "abc"}};
  const HttpReply small = MakeDocument(sources);
  EXPECT_EQ(small.body, "<script>abc</script>");
  EXPECT_TRUE(absl::StrContains(small.headers[0].second,
                                "script-src 'sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0='"))
      << small.headers[0].second;
}

TEST(PageTest, OverviewAndStreamAreJsonUnderTheNamesOfStats) {
  FakeRuntime runtime;
  runtime.figures.models.resize(1);
  runtime.figures.models[0].model = "bci";
  runtime.figures.models[0].streams = 2;
  runtime.figures.memory_limit_bytes = 5000000000;
  Open(&runtime, "a");
  Open(&runtime, "b");
  runtime.stats.set_shadow_loss(0.5);
  const LocalAuthorizer everyone;
  Page page(&runtime, &everyone, {}, absl::Hours(1));
  const json overview = json::parse(page.Overview({"/page/overview.json", "after=a"}).body);
  EXPECT_EQ(overview["rows"].size(), 1u);
  EXPECT_EQ(overview["rows"][0]["stream"], "b");
  EXPECT_EQ(overview["rows"][0]["shadow_loss"], 0.5);
  EXPECT_FALSE(overview["rows"][0].contains("recovery")) << "absent figures are left out";
  EXPECT_EQ(overview["models"][0], "bci");
  EXPECT_EQ(overview["memory_limit_bytes"], "5000000000");
  EXPECT_EQ(overview["healthy"], true);
  const json stream = json::parse(page.OneStream({"/page/stream.json", "stream=b"}).body);
  EXPECT_EQ(stream["stats"]["live_loss"], 0.25);
  EXPECT_EQ(page.OneStream({"/page/stream.json", "stream=nobody"}).status, 404);
  EXPECT_EQ(page.OneStream({"/page/stream.json", ""}).status, 404);
}

TEST(PageTest, StreamsThatTheAuthorizerRefusesAreNotThere) {
  FakeRuntime runtime;
  Open(&runtime, "closed");
  Open(&runtime, "open");
  const Choosy choosy;
  Page page(&runtime, &choosy, {}, absl::Hours(1));
  const json overview = json::parse(page.Overview({"/page/overview.json", ""}).body);
  ASSERT_EQ(overview["rows"].size(), 1u);
  EXPECT_EQ(overview["rows"][0]["stream"], "open");
  EXPECT_EQ(page.OneStream({"/page/stream.json", "stream=open"}).status, 200);
  const HttpReply refused = page.OneStream({"/page/stream.json", "stream=closed"});
  EXPECT_EQ(refused.status, 404);
  EXPECT_TRUE(absl::StrContains(refused.body, "may not observe")) << refused.body;
}

}  // namespace
}  // namespace millrace::server
