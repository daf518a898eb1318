#include "engine/heads/contexts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/cells/cell.h"
#include "engine/snapshot.h"
#include "engine/state.h"
#include "tests/support/numbers.h"

namespace millrace::engine {
namespace {

using testing_support::Numbers;

constexpr std::size_t kBytes = 256;

struct Setting {
  std::int64_t orders = 4, bits = 14;
  double rate = 1.2, fall = 0.35, least = 0.02;
};

PartSpec Head(const Setting& setting) {
  return {"linear",
          {{"context_orders", setting.orders},
           {"context_bits", setting.bits},
           {"context_rate", setting.rate},
           {"context_rate_fall", setting.fall},
           {"context_least_rate", setting.least}}};
}

template <typename T>
using History = std::array<T, 4>;

// Contexts with their table.
template <typename T>
struct Tables {
  explicit Tables(const Setting& setting) : contexts(Head(setting)), table(contexts.MakeTable()) {}

  void Push(std::int64_t byte, History<T>* history) const {
    contexts.Step(byte, history->data(), history->data());
  }
  std::vector<T> Logits(const History<T>& history) const {
    std::vector<T> logits(kBytes, T{0});
    contexts.AddLogits(table, history.data(), logits.data());
    return logits;
  }
  void Learn(const History<T>& history, const std::vector<T>& dy) {
    contexts.Learn(history.data(), dy.data(), &table);
  }
  std::int64_t Bytes() {
    SizeVisitor size;
    table.Visit(size);
    return size.bytes();
  }

  Contexts<T> contexts;
  ContextTable<T> table;
};

History<double> HistoryOf(std::initializer_list<std::int64_t> oldest_first) {
  const Contexts<double> contexts(Head({}));
  History<double> history{};
  for (const std::int64_t byte : oldest_first) {
    contexts.Step(byte, history.data(), history.data());
  }
  return history;
}

std::vector<double> Unit(std::size_t byte) {
  std::vector<double> dy(kBytes, 0.0);
  dy[byte] = 1;
  return dy;
}

std::vector<double> Random(Numbers& numbers) {
  std::vector<double> dy(kBytes);
  for (double& value : dy) value = numbers.Between(-1, 1);
  return dy;
}

// The definition, with a map for the tables and libm for the rate.
class Reference {
 public:
  explicit Reference(const Setting& setting) : setting_(setting) {}

  std::vector<double> Logits(const History<double>& history) {
    std::vector<double> logits(kBytes, 0.0);
    for (int order = 1; order <= setting_.orders; ++order) {
      const Row& row = rows_[Key(history, order)];
      for (std::size_t k = 0; k < kBytes; ++k) logits[k] += row.values[k];
    }
    return logits;
  }
  void Learn(const History<double>& history, const std::vector<double>& dy) {
    for (int order = 1; order <= setting_.orders; ++order) {
      Row& row = rows_[Key(history, order)];
      const double rate =
          std::fmax(setting_.rate * std::pow(1.0 + row.learned, -setting_.fall), setting_.least);
      for (std::size_t k = 0; k < kBytes; ++k) row.values[k] -= rate * dy[k];
      row.learned += 1;
    }
  }

 private:
  struct Row {
    std::vector<double> values = std::vector<double>(kBytes, 0.0);
    double learned = 0;
  };
  std::pair<int, std::uint64_t> Key(const History<double>& history, int order) const {
    std::uint64_t h = 0, scale = 1;
    for (int i = 0; i < order; ++i, scale *= 256) {
      h += scale * static_cast<std::uint64_t>(history[static_cast<std::size_t>(i)]);
    }
    if (scale <= std::uint64_t{1} << setting_.bits) return {order, h};
    h = (h + static_cast<std::uint64_t>(order) * 4294967296u) * 0x9E3779B97F4A7C15u;
    h = (h ^ (h >> 32)) * 0xD6E8FEB86659FD93u;
    h ^= h >> 32;
    return {order, h / (std::uint64_t{1} << (64 - setting_.bits))};
  }

  Setting setting_;
  std::map<std::pair<int, std::uint64_t>, Row> rows_;
};

class ContextsTest : public testing::TestWithParam<std::pair<std::int64_t, std::int64_t>> {};

TEST_P(ContextsTest, AgreesWithTheDefinitionOverARandomWalk) {
  const Setting setting{.orders = GetParam().first, .bits = GetParam().second};
  Tables<double> tables(setting);
  Reference reference(setting);
  Numbers numbers(1);
  History<double> history{};
  for (int step = 0; step < 3000; ++step) {
    // Few bytes, all over the range, so that contexts come back.
    tables.Push(numbers.Index(5) * 60, &history);
    const std::vector<double> got = tables.Logits(history), expected = reference.Logits(history);
    for (std::size_t k = 0; k < kBytes; ++k) ASSERT_NEAR(got[k], expected[k], 1e-12) << step;
    const std::vector<double> dy = Random(numbers);
    tables.Learn(history, dy);
    reference.Learn(history, dy);
  }
}

INSTANTIATE_TEST_SUITE_P(OrdersAndBits, ContextsTest,
                         testing::Values(std::pair(1, 8), std::pair(2, 8), std::pair(2, 16),
                                         std::pair(3, 12), std::pair(4, 8), std::pair(4, 14),
                                         std::pair(4, 17)));

TEST(ContextsTest, AByteIsPushedInFrontOfThoseBefore) {
  EXPECT_EQ(HistoryOf({10, 20, 30, 40, 255}), (History<double>{255, 40, 30, 20}));
}

TEST(ContextsTest, AStepCanWriteItsHistoryElsewhere) {
  const Contexts<double> contexts(Head({}));
  const History<double> before = HistoryOf({1, 2, 3, 4});
  History<double> after{};
  contexts.Step(9, before.data(), after.data());
  EXPECT_EQ(after, (History<double>{9, 4, 3, 2}));
}

TEST(ContextsTest, AStepWithoutInputLeavesTheHistory) {
  EXPECT_EQ(HistoryOf({1, 2, kNoByte}), HistoryOf({1, 2}));
}

TEST(ContextsTest, WithoutOrdersThereIsNothingToHoldAndNothingIsAdded) {
  Tables<float> tables({.orders = 0});
  EXPECT_TRUE(tables.contexts.empty());
  EXPECT_EQ(tables.contexts.state_size(), 0);
  tables.contexts.Step(65, nullptr, nullptr);
  tables.Learn({65}, std::vector<float>(kBytes, 1.0f));
  EXPECT_EQ(tables.Logits({65}), std::vector<float>(kBytes, 0.0f));
  EXPECT_EQ(tables.Bytes(), 0);
}

TEST(ContextsTest, LogitsAreAddedToWhatIsThere) {
  Tables<double> tables({.orders = 1, .rate = 0.5, .fall = 0});
  const History<double> history = HistoryOf({7});
  tables.Learn(history, Unit(3));
  std::vector<double> logits(kBytes, 10.0);
  tables.contexts.AddLogits(tables.table, history.data(), logits.data());
  EXPECT_EQ(logits[3], 9.5);
  EXPECT_EQ(logits[4], 10.0);
}

TEST(ContextsTest, HistoriesShareTheOrdersInWhichTheyAgree) {
  const Setting setting{.orders = 4, .rate = 1, .fall = 0};
  for (int equal = 0; equal <= 4; ++equal) {
    Tables<double> tables(setting);
    tables.Learn(HistoryOf({1, 2, 3, 4}), Unit(9));
    History<double> other = HistoryOf({1, 2, 3, 4});
    if (equal < 4) other[static_cast<std::size_t>(equal)] = 200;
    EXPECT_EQ(tables.Logits(other)[9], -equal) << equal;
  }
}

TEST(ContextsTest, ARowsRateFallsWithItsOwnUpdatesDownToTheLeast) {
  Tables<double> tables({.orders = 1, .rate = 2, .fall = 0.5, .least = 0.5});
  const History<double> history = HistoryOf({65}), other = HistoryOf({66});
  double before = 0;
  for (int t = 0; t < 40; ++t) {
    tables.Learn(history, Unit(0));
    const double after = tables.Logits(history)[0];
    EXPECT_NEAR(before - after, std::max(2 / std::sqrt(1.0 + t), 0.5), 1e-12) << t;
    before = after;
  }
  tables.Learn(other, Unit(0));
  EXPECT_EQ(tables.Logits(other)[0], -2);
}

TEST(ContextsTest, ChangedRatesHoldFromTheNextUpdateAndKeepWhatWasLearned) {
  Tables<double> tables({.orders = 1, .rate = 1, .fall = 0, .least = 0});
  const History<double> history = HistoryOf({65});
  tables.Learn(history, Unit(0));
  tables.contexts.Change(Head({.orders = 1, .rate = 0.25, .fall = 1, .least = 0}));
  EXPECT_EQ(tables.Logits(history)[0], -1);
  tables.Learn(history, Unit(0));
  EXPECT_NEAR(tables.Logits(history)[0], -1.125, 1e-12);
}

TEST(ContextsTest, MemoryIsTwoToTheBitsRowsAnOrderAndNoMoreThanThereAreContexts) {
  const auto rows = [](std::int64_t orders, std::int64_t bits) {
    Tables<float> tables({.orders = orders, .bits = bits});
    return tables.Bytes() / (256 * 4 + 8);
  };
  EXPECT_EQ(rows(1, 14), 256);
  EXPECT_EQ(rows(4, 14), 256 + 3 * 16384);
  EXPECT_EQ(rows(2, 17), 256 + 65536);
  EXPECT_EQ(rows(4, 8), 4 * 256);
}

TEST(ContextsTest, AllContextsOfTheFullRangeStayInSmallTables) {
  Tables<float> tables({.orders = 4, .bits = 8});
  Numbers numbers(2);
  History<float> history{};
  const std::vector<float> dy(kBytes, 0.5f);
  for (int step = 0; step < 20000; ++step) {
    tables.Push(numbers.Index(256), &history);
    tables.Learn(history, dy);
    ASSERT_TRUE(std::isfinite(tables.Logits(history)[0]));
  }
}

TEST(ContextsTest, ALoadedTableGoesOnWithTheSameBits) {
  const Setting setting{.orders = 4, .bits = 10};
  Tables<float> saved(setting), loaded(setting);
  Numbers numbers(3);
  // Logits of every step over so many random bytes.
  const auto play = [](Tables<float>& tables, History<float> history, Numbers bytes, int steps) {
    std::vector<float> seen;
    for (int t = 0; t < steps; ++t) {
      tables.Push(bytes.Index(9), &history);
      std::vector<float> dy = tables.Logits(history);
      seen.insert(seen.end(), dy.begin(), dy.end());
      for (std::size_t k = 0; k < kBytes; ++k) dy[k] += 1e-3f * static_cast<float>(k);
      tables.Learn(history, dy);
    }
    return seen;
  };
  play(saved, {}, numbers, 500);
  Snapshot snapshot;
  SaveVisitor save(&snapshot);
  saved.table.Visit(save);
  LoadVisitor load(snapshot);
  loaded.table.Visit(load);
  ASSERT_TRUE(load.Finish().ok());
  EXPECT_EQ(play(saved, {1, 2, 3, 4}, numbers, 200), play(loaded, {1, 2, 3, 4}, numbers, 200));
}

TEST(ContextsTest, ATextThatRepeatsItselfIsLearnedFromItsErrors) {
  Tables<float> tables({.orders = 4});
  const std::string text = "pack my box with five dozen jugs; ";
  History<float> history{};
  double bits_last_round = 0;
  for (std::size_t t = 0; t < 20 * text.size(); ++t) {
    tables.Push(text[t % text.size()], &history);
    const auto next = static_cast<std::size_t>(text[(t + 1) % text.size()]);
    std::vector<float> dy = tables.Logits(history);
    double sum = 0;
    for (const float logit : dy) sum += std::exp(static_cast<double>(logit));
    for (float& value : dy) {
      value = static_cast<float>(std::exp(static_cast<double>(value)) / sum);
    }
    if (t >= 19 * text.size()) bits_last_round -= std::log2(static_cast<double>(dy[next]));
    dy[next] -= 1.0f;
    tables.Learn(history, dy);
  }
  EXPECT_LT(bits_last_round / static_cast<double>(text.size()), 0.25);
}

TEST(ContextsTest, EverySettingHasADefaultThatMakesNoTable) {
  PartSpec head{"linear", {}};
  for (const SettingDescription& setting : ContextSettings()) {
    ASSERT_TRUE(setting.default_value.has_value()) << setting.name;
    head.settings[setting.name] = *setting.default_value;
  }
  EXPECT_TRUE(Contexts<float>(head).empty());
}

}  // namespace
}  // namespace millrace::engine
