#include "server/metrics/metrics.h"

#include <gtest/gtest.h>
#include <prometheus/check_names.h>
#include <prometheus/text_serializer.h>

#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/metrics/figures_collector.h"
#include "server/metrics/process_collector.h"
#include "tests/server/services/fake_runtime.h"

namespace millrace::server {
namespace {

using Families = std::vector<prometheus::MetricFamily>;

std::string Text(const Families& families) {
  return prometheus::TextSerializer().Serialize(families);
}

bool Has(const std::string& text, const std::string& line) {
  return absl::StrContains(text, "\n" + line + "\n");
}

TEST(MetricsTest, WhatTheRuntimeTellsIsCounted) {
  ServerMetrics metrics;
  metrics.OnApplied("bci", 64, 0.001);
  metrics.OnApplied("bci", 1, 0.001);
  metrics.OnApplied("bytes", 5, 0.001);
  metrics.OnPartRefused("bci", "SEQUENCE_GAP");
  metrics.OnJournal(100, 1e-6);
  metrics.OnJournal(50, 1e-6);
  metrics.OnBatch(3, 70);
  const std::string text = Text(metrics.Collect());
  EXPECT_TRUE(Has(text, "millrace_steps_total{model=\"bci\"} 65")) << text;
  EXPECT_TRUE(Has(text, "millrace_steps_total{model=\"bytes\"} 5")) << text;
  EXPECT_TRUE(Has(text, "millrace_parts_refused_total{reason=\"SEQUENCE_GAP\"} 1")) << text;
  EXPECT_TRUE(Has(text, "millrace_apply_seconds_count 3")) << text;
  EXPECT_TRUE(Has(text, "millrace_journal_written_bytes_total 150")) << text;
  EXPECT_TRUE(Has(text, "millrace_batch_streams_bucket{le=\"4\"} 1")) << text;
  EXPECT_TRUE(Has(text, "millrace_batch_steps_sum 70")) << text;
}

TEST(MetricsTest, WhatAStepCostsAndHowLongAPartWaitsAreTold) {
  ServerMetrics metrics;
  metrics.OnApplied("bci", 100, 0.001);
  metrics.OnApplied("bci", 0, 0.001);  // late targets: no step
  metrics.OnBegun(0.004);
  metrics.OnLearnerTimed("bci", 64, 0.25, 0.125);
  const std::string text = Text(metrics.Collect());
  EXPECT_TRUE(Has(text, "millrace_step_seconds_count 100")) << text;
  EXPECT_TRUE(Has(text, "millrace_step_seconds_bucket{le=\"5e-06\"} 0")) << text;
  EXPECT_TRUE(Has(text, "millrace_step_seconds_bucket{le=\"1e-05\"} 100")) << text;
  EXPECT_TRUE(Has(text, "millrace_queue_wait_seconds_bucket{le=\"0.002\"} 0")) << text;
  EXPECT_TRUE(Has(text, "millrace_queue_wait_seconds_bucket{le=\"0.005\"} 1")) << text;
  EXPECT_TRUE(Has(text, "millrace_timed_steps_total{model=\"bci\"} 64")) << text;
  EXPECT_TRUE(Has(text, "millrace_timed_apply_seconds_total{model=\"bci\"} 0.25")) << text;
  EXPECT_TRUE(Has(text, "millrace_timed_learner_seconds_total{model=\"bci\"} 0.125")) << text;
}

TEST(MetricsTest, TwoServersInOneProcessCountApart) {
  ServerMetrics one, other;
  for (int i = 0; i < 3; ++i) {
    one.OnApplied("bci", 1, 0);
    other.OnApplied("bci", 10, 0);
  }
  EXPECT_TRUE(Has(Text(one.Collect()), "millrace_steps_total{model=\"bci\"} 3"));
  EXPECT_TRUE(Has(Text(other.Collect()), "millrace_steps_total{model=\"bci\"} 30"));
}

TEST(MetricsTest, ALabelTakesABoundedNumberOfValues) {
  ServerMetrics metrics;
  for (int i = 0; i < 10500; ++i) metrics.OnApplied("m" + std::to_string(i), 1, 0);
  for (const prometheus::MetricFamily& family : metrics.Collect()) {
    if (family.name == "millrace_steps_total") {
      EXPECT_EQ(family.metric.size(), 10001u);
    }
  }
  EXPECT_TRUE(Has(Text(metrics.Collect()), "millrace_steps_total{model=\"other\"} 500"));
}

TEST(MetricsTest, CountersOfTheEngineCountFromTheStartAndNeverFall) {
  FakeRuntime runtime;
  runtime.figures.models.resize(1);
  ModelFigures& model = runtime.figures.models[0];
  model.model = "bci";
  model.updates = 1000;
  const FiguresCollector collector(&runtime, {});
  EXPECT_TRUE(Has(Text(collector.Collect()), "millrace_updates_total{model=\"bci\"} 0"));
  model.updates = 1010;
  EXPECT_TRUE(Has(Text(collector.Collect()), "millrace_updates_total{model=\"bci\"} 10"));
  model.updates = 400;  // a stream was deleted
  EXPECT_TRUE(Has(Text(collector.Collect()), "millrace_updates_total{model=\"bci\"} 10"));
  model.updates = 405;
  EXPECT_TRUE(Has(Text(collector.Collect()), "millrace_updates_total{model=\"bci\"} 15"));
  runtime.figures.models.push_back(model);
  runtime.figures.models[1].model = "new";
  runtime.figures.models[1].updates = 3;
  EXPECT_TRUE(Has(Text(collector.Collect()), "millrace_updates_total{model=\"new\"} 3"));
}

TEST(MetricsTest, UpdatesThatWereNotDoneAreCountedByReason) {
  FakeRuntime runtime;
  runtime.figures.models.resize(1);
  ModelFigures& model = runtime.figures.models[0];
  model.model = "bci";
  model.untargeted_steps = 100;
  const FiguresCollector collector(&runtime, {});
  model.refused_updates = 2;
  model.untargeted_steps = 103;
  model.unlearned_targets = 5;
  const std::string text = Text(collector.Collect());
  for (const char* line :
       {"{model=\"bci\",reason=\"not_finite\"} 2", "{model=\"bci\",reason=\"no_target\"} 3",
        "{model=\"bci\",reason=\"not_asked\"} 5"}) {
    EXPECT_TRUE(Has(text, absl::StrCat("millrace_skipped_updates_total", line))) << text;
  }
}

TEST(MetricsTest, MemoryIsToldByKindAndTier) {
  FakeRuntime runtime;
  runtime.figures.memory.sensitivities = 4096;
  runtime.figures.snapshot_bytes = 77;
  runtime.figures.journal_bytes = 88;
  const FiguresCollector collector(&runtime, {});
  const std::string text = Text(collector.Collect());
  EXPECT_TRUE(Has(text, "millrace_state_bytes{tier=\"memory\",kind=\"sensitivities\"} 4096"));
  EXPECT_TRUE(Has(text, "millrace_state_bytes{tier=\"store\",kind=\"snapshots\"} 77")) << text;
  EXPECT_TRUE(Has(text, "millrace_state_bytes{tier=\"store\",kind=\"journal\"} 88")) << text;
  EXPECT_FALSE(absl::StrContains(text, "tier=\"device\"")) << text;
}

TEST(MetricsTest, MemoryOfADeviceIsToldWhereOneIsInUse) {
  FakeRuntime runtime;
  runtime.figures.device = {.limit_bytes = 9000,
                            .slot_bytes = 5000,
                            .free_bytes = 300,
                            .staging_bytes = 20,
                            .pinned_bytes = 16,
                            .unpinned_bytes = 4,
                            .residents = 7,
                            .page_outs = 3,
                            .page_ins = 10};
  const FiguresCollector collector(&runtime, {});
  const std::string text = Text(collector.Collect());
  for (const char* line :
       {"millrace_state_bytes{tier=\"device\",kind=\"slots\"} 5000",
        "millrace_state_bytes{tier=\"device\",kind=\"free_slots\"} 300",
        "millrace_state_bytes{tier=\"device\",kind=\"staging\"} 20",
        "millrace_state_bytes{tier=\"memory\",kind=\"pinned_staging\"} 16",
        "millrace_state_bytes{tier=\"memory\",kind=\"unpinned_staging\"} 4",
        "millrace_device_memory_limit_bytes 9000", "millrace_device_streams 7",
        "millrace_device_page_outs_total 3", "millrace_device_page_ins_total 10"}) {
    EXPECT_TRUE(Has(text, line)) << line << "\n" << text;
  }
}

v1::ShiftMark* AddMark(std::uint64_t detected_seq, v1::StreamStats* stats) {
  v1::ShiftMark* mark = stats->add_marks();
  mark->set_cause(v1::ShiftMark::CAUSE_LOSS);
  mark->set_detected_seq(detected_seq);
  return mark;
}

TEST(MetricsTest, EachRecoveryIsCountedOnceAndNoneOfBeforeTheStart) {
  FakeRuntime runtime;
  runtime.each_stats.emplace_back("bci", v1::StreamStats());
  v1::StreamStats& stats = runtime.each_stats[0].second;
  stats.set_stream("a");
  stats.set_epoch(1);
  AddMark(10, &stats)->set_units_to_recover(7);
  const FiguresCollector collector(&runtime, {});
  const auto recoveries = [&](const std::string& text, int count, int sum) {
    const std::string name = "millrace_units_to_recover";
    return Has(text, absl::StrCat(name, "_count{model=\"bci\"} ", count)) &&
           Has(text, absl::StrCat(name, "_sum{model=\"bci\"} ", sum));
  };
  EXPECT_TRUE(recoveries(Text(collector.Collect()), 0, 0)) << "history";
  v1::ShiftMark* pending = AddMark(50, &stats);
  EXPECT_TRUE(recoveries(Text(collector.Collect()), 0, 0)) << "not over";
  pending->set_units_to_recover(30);
  EXPECT_TRUE(recoveries(Text(collector.Collect()), 1, 30));
  EXPECT_TRUE(recoveries(Text(collector.Collect()), 1, 30)) << "once";
  AddMark(90, &stats)->set_censored(true);
  AddMark(95, &stats)->set_units_to_recover(4);
  const std::string text = Text(collector.Collect());
  EXPECT_TRUE(recoveries(text, 2, 34)) << text;
  EXPECT_TRUE(Has(text, "millrace_units_to_recover_bucket{model=\"bci\",le=\"5\"} 1")) << text;
  EXPECT_TRUE(Has(text, "millrace_shifts_censored_total{model=\"bci\"} 1")) << text;
  // The stream is rolled back to step 60 and goes through another end of the later marks.
  stats.set_epoch(2);
  stats.set_applied_seq(60);
  stats.mutable_marks()->DeleteSubrange(2, 2);
  EXPECT_TRUE(recoveries(Text(collector.Collect()), 2, 34));
  AddMark(80, &stats)->set_units_to_recover(1);
  EXPECT_TRUE(recoveries(Text(collector.Collect()), 3, 35));
}

TEST(MetricsTest, FiguresAreGaugesAndAMeanOverNoStreamsIsAbsent) {
  FakeRuntime runtime;
  runtime.figures.resident_bytes = 4096;
  runtime.figures.models.resize(1);
  ModelFigures& model = runtime.figures.models[0];
  model.model = "bci";
  model.streams = 5;
  model.resident = 3;
  model.with_live_loss = 2;
  model.live_loss = 0.5;
  const FiguresCollector collector(&runtime, {});
  const std::string text = Text(collector.Collect());
  EXPECT_TRUE(Has(text, "millrace_streams{model=\"bci\",state=\"resident\"} 3")) << text;
  EXPECT_TRUE(Has(text, "millrace_streams{model=\"bci\",state=\"paged_out\"} 2")) << text;
  EXPECT_TRUE(Has(text, "millrace_live_loss_mean{model=\"bci\"} 0.5")) << text;
  EXPECT_TRUE(Has(text, "millrace_live_loss_streams{model=\"bci\"} 2")) << text;
  EXPECT_FALSE(absl::StrContains(text, "millrace_recovery_mean{")) << text;
  EXPECT_TRUE(Has(text, "millrace_resident_bytes 4096")) << text;
  EXPECT_TRUE(Has(text, "millrace_healthy 1")) << text;
}

TEST(MetricsTest, OnlyWatchedStreamsHaveSeriesOfTheirOwn) {
  FakeRuntime runtime;
  for (const char* id : {"a", "b"}) {
    v1::OpenStreamRequest request;
    request.set_id(id);
    ASSERT_TRUE(runtime.OpenStream(request).ok());
  }
  const FiguresCollector collector(&runtime, {"b", "not_opened"});
  const std::string text = Text(collector.Collect());
  EXPECT_TRUE(Has(text, "millrace_stream_live_loss{stream=\"b\"} 0.25")) << text;
  EXPECT_FALSE(absl::StrContains(text, "stream=\"a\"")) << text;
  EXPECT_FALSE(absl::StrContains(text, "not_opened")) << text;
}

TEST(MetricsTest, DiagnosticsOfAWatchedStreamAreGaugesAndAbsentOnesAreLeftOut) {
  FakeRuntime runtime;
  v1::OpenStreamRequest request;
  request.set_id("a");
  ASSERT_TRUE(runtime.OpenStream(request).ok());
  const FiguresCollector collector(&runtime, {"a"});
  EXPECT_TRUE(Has(Text(collector.Collect()), "millrace_stream_advice{stream=\"a\"} 0"));
  runtime.stats.add_groups("recurrent");
  runtime.stats.add_groups("readout");
  v1::Diagnostics& diagnostics = *runtime.stats.mutable_diagnostics();
  diagnostics.add_gradient_norm(0.5);
  diagnostics.add_gradient_norm(2);
  diagnostics.set_gradient_ratio(0.25);
  diagnostics.set_self_propagation(-0.5);
  diagnostics.set_absolute_self_propagation(0.75);
  diagnostics.set_sensitivity_norm(3);
  diagnostics.set_effective_rank(12);
  diagnostics.set_exact_cosine(0.625);
  diagnostics.set_exact_norm_ratio(0.875);
  runtime.stats.add_advice()->set_code("LOW_COSINE");
  const std::string text = Text(collector.Collect());
  for (const char* line : {"millrace_stream_gradient_norm{stream=\"a\",group=\"recurrent\"} 0.5",
                           "millrace_stream_gradient_norm{stream=\"a\",group=\"readout\"} 2",
                           "millrace_stream_gradient_ratio{stream=\"a\"} 0.25",
                           "millrace_stream_self_propagation{stream=\"a\"} -0.5",
                           "millrace_stream_absolute_self_propagation{stream=\"a\"} 0.75",
                           "millrace_stream_sensitivity_norm{stream=\"a\"} 3",
                           "millrace_stream_effective_rank{stream=\"a\"} 12",
                           "millrace_stream_exact_cosine{stream=\"a\"} 0.625",
                           "millrace_stream_exact_norm_ratio{stream=\"a\"} 0.875",
                           "millrace_stream_advice{stream=\"a\"} 1"}) {
    EXPECT_TRUE(Has(text, line)) << line << "\n" << text;
  }
  EXPECT_FALSE(absl::StrContains(text, "millrace_stream_condition_number{")) << text;
}

TEST(MetricsTest, FiguresOfAWatchedStreamAreGaugesAndAbsentOnesAreLeftOut) {
  FakeRuntime runtime;
  v1::OpenStreamRequest request;
  request.set_id("a");
  ASSERT_TRUE(runtime.OpenStream(request).ok());
  const FiguresCollector collector(&runtime, {"a"});
  v1::StreamStats& stats = runtime.stats;
  stats.set_reference_loss(0.125);
  stats.set_accuracy(0.75);
  stats.set_brier_score(0.375);
  stats.set_novelty(1.5);
  stats.set_disagreement(0.0625);
  stats.add_silent_channels(3);
  stats.add_silent_channels(7);
  stats.set_trailing_steps(9);
  stats.set_open_steps(11);
  stats.add_marks()->set_units_to_recover(40);
  stats.add_marks();  // not recovered from yet
  const std::string text = Text(collector.Collect());
  for (const char* line : {"millrace_stream_reference_loss{stream=\"a\"} 0.125",
                           "millrace_stream_accuracy{stream=\"a\"} 0.75",
                           "millrace_stream_brier_score{stream=\"a\"} 0.375",
                           "millrace_stream_novelty{stream=\"a\"} 1.5",
                           "millrace_stream_disagreement{stream=\"a\"} 0.0625",
                           "millrace_stream_silent_channels{stream=\"a\"} 2",
                           "millrace_stream_trailing_steps{stream=\"a\"} 9",
                           "millrace_stream_open_steps{stream=\"a\"} 11",
                           "millrace_stream_units_to_recover{stream=\"a\"} 40"}) {
    EXPECT_TRUE(Has(text, line)) << line << "\n" << text;
  }
  EXPECT_FALSE(absl::StrContains(text, "millrace_stream_coverage{")) << text;
}

TEST(MetricsTest, NamesFollowPrometheus) {
  FakeRuntime runtime;
  ServerMetrics metrics;
  const FiguresCollector figures(&runtime, {});
  const ProcessCollector process;
  std::map<std::string, int> seen;
  for (const Families& families : {metrics.Collect(), figures.Collect(), process.Collect()}) {
    for (const prometheus::MetricFamily& family : families) {
      EXPECT_TRUE(prometheus::CheckMetricName(family.name)) << family.name;
      EXPECT_EQ(++seen[family.name], 1) << family.name;
      EXPECT_FALSE(family.help.empty()) << family.name;
      EXPECT_EQ(family.type == prometheus::MetricType::Counter,
                absl::EndsWith(family.name, "_total"))
          << family.name;
    }
  }
}

}  // namespace
}  // namespace millrace::server
