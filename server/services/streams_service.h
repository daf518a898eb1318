// millrace.v1.Streams over the runtime. Thread-safe.
//
// ExportStream and ImportStream are part of the contract and not carried out: UNIMPLEMENTED.
#ifndef MILLRACE_SERVER_SERVICES_STREAMS_SERVICE_H_
#define MILLRACE_SERVER_SERVICES_STREAMS_SERVICE_H_

#include "millrace/v1/stream.grpc.pb.h"
#include "server/services/unary.h"

namespace millrace::server {

class StreamsService final : public v1::Streams::CallbackService {
 public:
  explicit StreamsService(const Site& site) : site_(site) {}

  using Context = grpc::CallbackServerContext;
  using Reactor = grpc::ServerUnaryReactor;

  Reactor* OpenStream(Context* context, const v1::OpenStreamRequest* request,
                      v1::OpenStreamResponse* response) override;
  Reactor* GetStream(Context* context, const v1::GetStreamRequest* request,
                     v1::Stream* response) override;
  Reactor* ListStreams(Context* context, const v1::ListStreamsRequest* request,
                       v1::ListStreamsResponse* response) override;
  Reactor* CloseStream(Context* context, const v1::CloseStreamRequest* request,
                       v1::Stream* response) override;
  Reactor* DeleteStream(Context* context, const v1::DeleteStreamRequest* request,
                        v1::DeleteStreamResponse* response) override;
  Reactor* ForkStream(Context* context, const v1::ForkStreamRequest* request,
                      v1::Stream* response) override;
  Reactor* ListVariants(Context* context, const v1::ListVariantsRequest* request,
                        v1::ListVariantsResponse* response) override;
  Reactor* PromoteVariant(Context* context, const v1::PromoteVariantRequest* request,
                          v1::Stream* response) override;
  Reactor* FreezeStream(Context* context, const v1::FreezeStreamRequest* request,
                        v1::Stream* response) override;
  Reactor* UnfreezeStream(Context* context, const v1::UnfreezeStreamRequest* request,
                          v1::Stream* response) override;
  Reactor* ResetStream(Context* context, const v1::ResetStreamRequest* request,
                       v1::Stream* response) override;
  Reactor* SettleStream(Context* context, const v1::SettleStreamRequest* request,
                        v1::Stream* response) override;
  Reactor* SetStream(Context* context, const v1::SetStreamRequest* request,
                     v1::Stream* response) override;
  Reactor* TakeShadow(Context* context, const v1::TakeShadowRequest* request,
                      v1::Stream* response) override;
  Reactor* RestoreStream(Context* context, const v1::RestoreStreamRequest* request,
                         v1::Stream* response) override;
  Reactor* SnapshotStream(Context* context, const v1::SnapshotStreamRequest* request,
                          v1::Snapshot* response) override;
  Reactor* ListSnapshots(Context* context, const v1::ListSnapshotsRequest* request,
                         v1::ListSnapshotsResponse* response) override;
  Reactor* RollbackStream(Context* context, const v1::RollbackStreamRequest* request,
                          v1::Stream* response) override;
  Reactor* AcceptLoss(Context* context, const v1::AcceptLossRequest* request,
                      v1::Stream* response) override;
  Reactor* GetStats(Context* context, const v1::GetStatsRequest* request,
                    v1::StreamStats* response) override;
  grpc::ServerWriteReactor<v1::ExportStreamResponse>* ExportStream(
      Context* context, const v1::ExportStreamRequest* request) override;
  grpc::ServerReadReactor<v1::ImportStreamRequest>* ImportStream(Context* context,
                                                                 v1::Stream* response) override;
  grpc::ServerWriteReactor<v1::WatchStatsResponse>* WatchStats(
      Context* context, const v1::WatchStatsRequest* request) override;

 private:
  // Counts the call and tells why it is refused.
  grpc::Status RefuseUncarried(Context* context, const Rpc& rpc) const;

  const Site site_;
};

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_SERVICES_STREAMS_SERVICE_H_
