#include "server/page/page.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/page/document.h"
#include "server/page/page.pb.h"

namespace millrace::server {
namespace {

constexpr int kMostRows = 50;
constexpr int kMostModels = 1000;
constexpr double kFiguresShare = 0.02;
constexpr absl::Duration kFiguresAge = absl::Seconds(1);

HttpReply Json(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  HttpReply reply{200, "application/json; charset=utf-8", ""};
  const auto status = google::protobuf::util::MessageToJsonString(message, &reply.body, options);
  if (!status.ok()) return {500, "text/plain; charset=utf-8", "the answer cannot be written\n"};
  return reply;
}

HttpReply NotHere(const absl::Status& status) {
  return {404, "text/plain; charset=utf-8", absl::StrCat(status.message(), "\n")};
}

void FillRow(const v1::Stream& stream, const v1::StreamStats& stats, page::v1::StreamRow* row) {
  row->set_stream(stream.id());
  row->set_model(stream.model());
  row->set_applied_seq(stream.applied_seq());
  if (stats.has_live_loss()) row->set_live_loss(stats.live_loss());
  if (stats.has_shadow_loss()) row->set_shadow_loss(stats.shadow_loss());
  if (stats.has_gain()) row->set_gain(stats.gain());
  if (stats.has_recovery()) row->set_recovery(stats.recovery());
  row->set_shifts(stats.shifts());
  row->set_silent_channels(stats.silent_channels_size());
  row->set_resident(stream.resident());
  row->set_frozen(stream.frozen());
  row->set_closed(stream.closed());
  row->set_quarantined(stream.quarantined());
  row->set_serving_shadow(stats.serving() == "shadow");
  row->set_resumed_inexactly(stats.resumed_inexactly());
}

void FillFigures(const RuntimeFigures& figures, page::v1::Overview* overview) {
  std::int64_t streams = 0, resident = 0;
  std::uint64_t steps = 0;
  for (const ModelFigures& model : figures.models) {
    streams += model.streams;
    resident += model.resident;
    steps += model.steps;
    if (overview->models_size() < kMostModels) overview->add_models(model.model);
  }
  overview->set_streams(streams);
  overview->set_resident_streams(resident);
  overview->set_steps(steps);
  overview->set_queued_parts(figures.queued_parts);
  overview->set_resident_bytes(figures.resident_bytes);
  overview->set_memory_limit_bytes(figures.memory_limit_bytes);
  overview->set_journal_bytes(figures.journal_bytes);
  overview->set_store_free_bytes(figures.free_bytes);
}

template <typename Points>
void FillCurve(const Points& points, page::v1::Curve* curve) {
  for (const CurvePoint& point : points) {
    curve->add_times_s(point.time_s);
    curve->add_steps(point.step);
    curve->add_live_loss(point.live_loss);
    curve->add_shadow_loss(point.shadow_loss);
    curve->add_recovery(point.recovery);
  }
}

}  // namespace

Page::Page(Runtime* runtime, const Authorizer* authorizer, std::vector<std::string> watched_streams,
           absl::Duration period)
    : runtime_(runtime),
      authorizer_(authorizer),
      start_(absl::Now()),
      document_(MakeDocument(PageSources())),
      history_(runtime, std::move(watched_streams), period) {}

void Page::AddRoutes(HttpServer::Routes* routes) {
  (*routes)["/"] = [this](const HttpRequest&) { return Document(); };
  (*routes)["/page/overview.json"] = [this](const HttpRequest& request) {
    return Overview(request);
  };
  (*routes)["/page/stream.json"] = [this](const HttpRequest& request) {
    return OneStream(request);
  };
}

HttpReply Page::Document() const { return document_; }

bool Page::MaySee(const std::string& stream) const {
  return authorizer_->Authorize(kLocalPrincipal, Verb::kObserve, stream).ok();
}

RuntimeFigures Page::Figures() {
  const std::lock_guard<std::mutex> lock(mutex_);
  const absl::Time begin = absl::Now();
  if (begin < figures_end_) return figures_;
  figures_ = runtime_->Figures();
  const absl::Time end = absl::Now();
  figures_end_ = end + std::max(kFiguresAge, (end - begin) / kFiguresShare);
  return figures_;
}

HttpReply Page::Overview(const HttpRequest& request) {
  page::v1::Overview overview;
  const absl::Time now = absl::Now();
  overview.set_version(MILLRACE_VERSION);
  overview.set_time_s(absl::ToDoubleSeconds(now - absl::UnixEpoch()));
  overview.set_start_time_s(absl::ToDoubleSeconds(start_ - absl::UnixEpoch()));
  const absl::Status health = runtime_->Health();
  overview.set_healthy(health.ok());
  overview.set_health(std::string(health.message()));
  FillFigures(Figures(), &overview);
  v1::ListStreamsRequest list;
  list.set_page_size(kMostRows);
  list.set_page_token(request.Value("after"));
  list.set_model(request.Value("model"));
  const absl::StatusOr<v1::ListStreamsResponse> listed = runtime_->ListStreams(list);
  if (!listed.ok()) return NotHere(listed.status());
  for (const v1::Stream& stream : listed->streams()) {
    const absl::StatusOr<v1::StreamStats> stats = runtime_->StatsNow(stream.id());
    if (stats.ok() && MaySee(stream.id())) FillRow(stream, *stats, overview.add_rows());
  }
  overview.set_next(listed->next_page_token());
  return Json(overview);
}

HttpReply Page::OneStream(const HttpRequest& request) {
  const std::string id = request.Value("stream");
  const absl::Status allowed = authorizer_->Authorize(kLocalPrincipal, Verb::kObserve, id);
  if (!allowed.ok()) return NotHere(allowed);
  const absl::StatusOr<v1::StreamStats> stats = runtime_->StatsNow(id);
  if (!stats.ok()) return NotHere(stats.status());
  history_.Look(id);
  page::v1::StreamView view;
  *view.mutable_stats() = *stats;
  const Curve curve = history_.Of(id);
  FillCurve(curve.recent(), view.mutable_recent());
  FillCurve(curve.whole(), view.mutable_whole());
  return Json(view);
}

}  // namespace millrace::server
