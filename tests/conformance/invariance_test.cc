// What must not change a bit: how steps are grouped into messages, which streams are beside, and
// the number of threads. Compared by the bytes of every tensor that counts.
#include <functional>
#include <memory>

#include "engine/workers.h"
#include "gtest/gtest.h"
#include "tests/conformance/playing.h"

namespace millrace::conformance {
namespace {

constexpr int kSteps = 105;

engine::Snapshot Played(const Combination& combination, int per_message, std::uint64_t seed = 2) {
  const std::shared_ptr<const engine::Model> model = MakeModel(combination.spec);
  const std::unique_ptr<engine::Stream> stream = OpenStream(model);
  const Script script = MakeScript(*model, seed, kSteps);
  Player player(&script, stream.get());
  PlayOnStream(*model, 0, kSteps, per_message, &player);
  return stream->Save();
}

TEST(Invariance, GroupingOfStepsIntoMessagesChangesNoBit) {
  for (const Combination& combination : Combinations()) {
    SCOPED_TRACE(combination.name);
    const engine::Snapshot one = Played(combination, 1);
    for (const int per_message : {7, 0}) {
      const engine::Snapshot grouped = Played(combination, per_message);
      EXPECT_EQ(DifferingTensors(grouped, one), "") << "messages of " << per_message;
      EXPECT_EQ(engine::SnapshotDigest(grouped), engine::SnapshotDigest(one));
    }
    if (HasFailure()) return;
  }
}

TEST(Invariance, AnotherSeriesGivesAnotherDigest) {
  const Combination& combination = Combinations().front();
  EXPECT_NE(engine::SnapshotDigest(Played(combination, 1, 2)),
            engine::SnapshotDigest(Played(combination, 1, 3)));
  EXPECT_NE(DifferingTensors(Played(combination, 1, 2), Played(combination, 1, 3)), "");
}

// All combinations' streams at once, in slices of the series, so that streams interleave.
std::vector<engine::Snapshot> PlayedTogether(int threads, std::size_t streams_a_batch) {
  const std::size_t count = Combinations().size();
  std::vector<std::shared_ptr<const engine::Model>> models;
  std::vector<std::unique_ptr<engine::Stream>> streams;
  std::vector<Script> scripts;
  for (const Combination& combination : Combinations()) {
    models.push_back(MakeModel(combination.spec));
    streams.push_back(OpenStream(models.back()));
    scripts.push_back(MakeScript(*models.back(), 2, kSteps));
  }
  std::vector<std::unique_ptr<Player>> players;
  for (std::size_t i = 0; i < count; ++i) {
    players.push_back(std::make_unique<Player>(&scripts[i], streams[i].get()));
  }
  engine::Workers workers(threads);
  const int slice = 5 * kReleaseEvery;
  for (int t = 0; t < kSteps; t += slice) {
    for (std::size_t first = 0; first < count; first += streams_a_batch) {
      std::vector<std::function<void()>> jobs;
      for (std::size_t i = first; i < std::min(count, first + streams_a_batch); ++i) {
        jobs.push_back([&, i, t] { PlayOnStream(*models[i], t, t + slice, 0, players[i].get()); });
      }
      workers.Run(jobs);
    }
  }
  std::vector<engine::Snapshot> snapshots;
  for (const auto& stream : streams) snapshots.push_back(stream->Save());
  return snapshots;
}

TEST(Invariance, ThreadsAndNeighboursChangeNoBit) {
  std::vector<engine::Snapshot> alone;
  for (const Combination& combination : Combinations()) alone.push_back(Played(combination, 1));
  const std::pair<int, std::size_t> kWays[] = {{1, 1000}, {2, 1000}, {5, 1000}, {2, 3}};
  for (const auto& [threads, streams_a_batch] : kWays) {
    const std::vector<engine::Snapshot> together = PlayedTogether(threads, streams_a_batch);
    for (std::size_t i = 0; i < alone.size(); ++i) {
      EXPECT_EQ(DifferingTensors(together[i], alone[i]), "")
          << Combinations()[i].name << ", " << threads << " threads";
    }
    if (HasFailure()) return;
  }
}

TEST(Invariance, StreamsOfOneModelWithTheSameSeedAreEqualAndWithAnotherAreNot) {
  const std::shared_ptr<const engine::Model> model = MakeModel(BaseSpec());
  EXPECT_EQ(OpenStream(model, "a", 1)->Digest(), OpenStream(model, "b", 1)->Digest());
  EXPECT_NE(OpenStream(model, "a", 1)->Digest(), OpenStream(model, "a", 2)->Digest());
}

}  // namespace
}  // namespace millrace::conformance
