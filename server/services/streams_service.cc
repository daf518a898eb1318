#include "server/services/streams_service.h"

#include "server/services/status_map.h"
#include "server/services/watch_reactor.h"

namespace millrace::server {

using Reactor = StreamsService::Reactor;

Reactor* StreamsService::OpenStream(Context* context, const v1::OpenStreamRequest* request,
                                    v1::OpenStreamResponse* response) {
  return Answer(site_, context, {"Streams/OpenStream", Verb::kAdmin, request->id(), {}}, response,
                [this, request] { return site_.runtime->OpenStream(*request); });
}

Reactor* StreamsService::GetStream(Context* context, const v1::GetStreamRequest* request,
                                   v1::Stream* response) {
  return Answer(site_, context, {"Streams/GetStream", Verb::kObserve, request->id(), {}}, response,
                [this, request] { return site_.runtime->GetStream(*request); });
}

Reactor* StreamsService::ListStreams(Context* context, const v1::ListStreamsRequest* request,
                                     v1::ListStreamsResponse* response) {
  return Answer(site_, context, {"Streams/ListStreams", Verb::kObserve, {}, {}}, response,
                [this, request] { return site_.runtime->ListStreams(*request); });
}

Reactor* StreamsService::CloseStream(Context* context, const v1::CloseStreamRequest* request,
                                     v1::Stream* response) {
  return Answer(site_, context, {"Streams/CloseStream", Verb::kAdmin, request->id(), {}}, response,
                [this, request] { return site_.runtime->CloseStream(*request); });
}

Reactor* StreamsService::DeleteStream(Context* context, const v1::DeleteStreamRequest* request,
                                      v1::DeleteStreamResponse*) {
  return AnswerStatus(site_, context, {"Streams/DeleteStream", Verb::kAdmin, request->id(), {}},
                      [this, request] { return site_.runtime->DeleteStream(*request); });
}

Reactor* StreamsService::ForkStream(Context* context, const v1::ForkStreamRequest* request,
                                    v1::Stream* response) {
  return Answer(site_, context,
                {"Streams/ForkStream", Verb::kAdmin, request->id(), request->new_id()}, response,
                [this, request] { return site_.runtime->ForkStream(*request); });
}

Reactor* StreamsService::ListVariants(Context* context, const v1::ListVariantsRequest* request,
                                      v1::ListVariantsResponse* response) {
  return Answer(site_, context, {"Streams/ListVariants", Verb::kObserve, request->id(), {}},
                response, [this, request] { return site_.runtime->ListVariants(*request); });
}

Reactor* StreamsService::PromoteVariant(Context* context, const v1::PromoteVariantRequest* request,
                                        v1::Stream* response) {
  return Answer(site_, context,
                {"Streams/PromoteVariant", Verb::kAdmin, request->id(), request->variant()},
                response, [this, request] { return site_.runtime->PromoteVariant(*request); });
}

Reactor* StreamsService::FreezeStream(Context* context, const v1::FreezeStreamRequest* request,
                                      v1::Stream* response) {
  return Answer(site_, context, {"Streams/FreezeStream", Verb::kAdmin, request->id(), {}}, response,
                [this, request] { return site_.runtime->FreezeStream(*request); });
}

Reactor* StreamsService::UnfreezeStream(Context* context, const v1::UnfreezeStreamRequest* request,
                                        v1::Stream* response) {
  return Answer(site_, context, {"Streams/UnfreezeStream", Verb::kAdmin, request->id(), {}},
                response, [this, request] { return site_.runtime->UnfreezeStream(*request); });
}

Reactor* StreamsService::ResetStream(Context* context, const v1::ResetStreamRequest* request,
                                     v1::Stream* response) {
  return Answer(site_, context, {"Streams/ResetStream", Verb::kAdmin, request->id(), {}}, response,
                [this, request] { return site_.runtime->ResetStream(*request); });
}

Reactor* StreamsService::SettleStream(Context* context, const v1::SettleStreamRequest* request,
                                      v1::Stream* response) {
  return Answer(site_, context, {"Streams/SettleStream", Verb::kAdmin, request->id(), {}}, response,
                [this, request] { return site_.runtime->SettleStream(*request); });
}

Reactor* StreamsService::SetStream(Context* context, const v1::SetStreamRequest* request,
                                   v1::Stream* response) {
  return Answer(site_, context, {"Streams/SetStream", Verb::kAdmin, request->id(), {}}, response,
                [this, request] { return site_.runtime->SetStream(*request); });
}

Reactor* StreamsService::TakeShadow(Context* context, const v1::TakeShadowRequest* request,
                                    v1::Stream* response) {
  return Answer(site_, context, {"Streams/TakeShadow", Verb::kAdmin, request->id(), {}}, response,
                [this, request] { return site_.runtime->TakeShadow(*request); });
}

Reactor* StreamsService::RestoreStream(Context* context, const v1::RestoreStreamRequest* request,
                                       v1::Stream* response) {
  return Answer(site_, context, {"Streams/RestoreStream", Verb::kAdmin, request->id(), {}},
                response, [this, request] { return site_.runtime->RestoreStream(*request); });
}

Reactor* StreamsService::SnapshotStream(Context* context, const v1::SnapshotStreamRequest* request,
                                        v1::Snapshot* response) {
  return Answer(site_, context, {"Streams/SnapshotStream", Verb::kAdmin, request->id(), {}},
                response, [this, request] { return site_.runtime->SnapshotStream(*request); });
}

Reactor* StreamsService::ListSnapshots(Context* context, const v1::ListSnapshotsRequest* request,
                                       v1::ListSnapshotsResponse* response) {
  return Answer(site_, context, {"Streams/ListSnapshots", Verb::kObserve, request->id(), {}},
                response, [this, request] { return site_.runtime->ListSnapshots(*request); });
}

Reactor* StreamsService::RollbackStream(Context* context, const v1::RollbackStreamRequest* request,
                                        v1::Stream* response) {
  return Answer(site_, context, {"Streams/RollbackStream", Verb::kAdmin, request->id(), {}},
                response, [this, request] { return site_.runtime->RollbackStream(*request); });
}

Reactor* StreamsService::AcceptLoss(Context* context, const v1::AcceptLossRequest* request,
                                    v1::Stream* response) {
  return Answer(site_, context, {"Streams/AcceptLoss", Verb::kAdmin, request->id(), {}}, response,
                [this, request] { return site_.runtime->AcceptLoss(*request); });
}

Reactor* StreamsService::GetStats(Context* context, const v1::GetStatsRequest* request,
                                  v1::StreamStats* response) {
  return Answer(site_, context, {"Streams/GetStats", Verb::kObserve, request->stream(), {}},
                response, [this, request] { return site_.runtime->GetStats(request->stream()); });
}

grpc::Status StreamsService::RefuseUncarried(Context* context, const Rpc& rpc) const {
  absl::Status status = site_.authorizer->Authorize(PrincipalOf(*context), rpc.verb, rpc.stream);
  if (status.ok()) status = NotCarriedOut(rpc.method);
  grpc::Status answer = ToGrpcStatus(status);
  site_.metrics->RpcDone(rpc.method, answer.error_code());
  return answer;
}

grpc::ServerWriteReactor<v1::ExportStreamResponse>* StreamsService::ExportStream(
    Context* context, const v1::ExportStreamRequest* request) {
  return new RefusedCall<grpc::ServerWriteReactor<v1::ExportStreamResponse>>(
      RefuseUncarried(context, {"Streams/ExportStream", Verb::kObserve, request->id(), {}}));
}

grpc::ServerReadReactor<v1::ImportStreamRequest>* StreamsService::ImportStream(Context* context,
                                                                               v1::Stream*) {
  return new RefusedCall<grpc::ServerReadReactor<v1::ImportStreamRequest>>(
      RefuseUncarried(context, {"Streams/ImportStream", Verb::kAdmin, {}, {}}));
}

grpc::ServerWriteReactor<v1::WatchStatsResponse>* StreamsService::WatchStats(
    Context* context, const v1::WatchStatsRequest* request) {
  return WatchReactor::Start(site_, PrincipalOf(*context), *request);
}

}  // namespace millrace::server
