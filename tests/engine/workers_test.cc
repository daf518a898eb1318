#include "engine/workers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <set>
#include <thread>
#include <vector>

namespace millrace::engine {
namespace {

std::vector<std::uint64_t> Compute(int threads, int jobs_count, int rounds) {
  Workers workers(threads);
  std::vector<std::uint64_t> results(static_cast<std::size_t>(jobs_count), 1);
  std::vector<std::function<void()>> jobs;
  for (std::size_t i = 0; i < results.size(); ++i) {
    jobs.push_back([&results, i] { results[i] = results[i] * 6364136223846793005u + i; });
  }
  for (int round = 0; round < rounds; ++round) workers.Run(jobs);
  return results;
}

TEST(WorkersTest, EveryJobRunsOnceABatchWhateverTheNumberOfThreads) {
  for (const int jobs : {0, 1, 2, 3, 100}) {
    const std::vector<std::uint64_t> expected = Compute(1, jobs, 50);
    for (const int threads : {2, 5}) EXPECT_EQ(Compute(threads, jobs, 50), expected) << jobs;
  }
}

TEST(WorkersTest, ABatchUsesItsThreadsSideBySide) {
  // Four jobs that wait for each other end only if four threads run them, the caller among them.
  Workers workers(4);
  std::atomic<int> arrived{0};
  std::vector<std::thread::id> ids(4);
  std::vector<std::function<void()>> jobs;
  for (std::size_t i = 0; i < 4; ++i) {
    jobs.push_back([&, i] {
      ids[i] = std::this_thread::get_id();
      arrived.fetch_add(1);
      while (arrived.load() < 4) std::this_thread::yield();
    });
  }
  workers.Run(jobs);
  EXPECT_EQ(std::set<std::thread::id>(ids.begin(), ids.end()).size(), 4u);
}

TEST(WorkersTest, WhatJobsWroteIsSeenAfterRun) {
  Workers workers(3);
  std::vector<int> plain(64, 0);
  std::vector<std::function<void()>> jobs;
  for (std::size_t i = 0; i < plain.size(); ++i) jobs.push_back([&plain, i] { ++plain[i]; });
  for (int round = 1; round <= 200; ++round) {
    workers.Run(jobs);
    for (const int value : plain) ASSERT_EQ(value, round);
  }
}

TEST(WorkersTest, RunWaitsForTheJobsOfOtherThreads) {
  Workers workers(2);
  const std::thread::id caller = std::this_thread::get_id();
  std::atomic<int> started{0};
  std::atomic<bool> caller_is_through{false}, other_is_through{false};
  const std::function<void()> job = [&] {
    started.fetch_add(1);
    while (started.load() < 2) std::this_thread::yield();  // one job a thread
    if (std::this_thread::get_id() == caller) {
      caller_is_through.store(true);
      return;
    }
    while (!caller_is_through.load()) std::this_thread::yield();
    for (int i = 0; i < 10000; ++i) std::this_thread::yield();
    other_is_through.store(true);
  };
  const std::vector<std::function<void()>> jobs = {job, job};
  workers.Run(jobs);
  EXPECT_TRUE(other_is_through.load());
}

TEST(WorkersTest, ZeroThreadsMeansTheMachines) {
  Workers workers(0);
  int runs = 0;
  const std::function<void()> job = [&runs] { ++runs; };
  workers.Run(absl::MakeConstSpan(&job, 1));
  EXPECT_EQ(runs, 1);
}

TEST(WorkersTest, ThreadsThatNeverWorkedStop) { Workers workers(5); }

}  // namespace
}  // namespace millrace::engine
