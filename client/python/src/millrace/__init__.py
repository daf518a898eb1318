"""Client of Millrace, the online-learning server for recurrent streams.

    import millrace

    with millrace.connect("127.0.0.1:7070") as server:
        server.create_model("bci", "deploy/models/bmi_wheelchair.textproto")
        with server.open("subject-1", model="bci", seed=7) as stream:
            seen = stream.observe(x)                  # x: [inputs]; a prediction comes back
            stream.learn(2, seen.seq)                 # when the trial has ended
            print(stream.stats().live_loss)

`Stream` is what most programs use; `StreamWriter` has all that the wire has. `millrace.aio` is the
same for asyncio, `millrace.river` holds estimators for River, `millrace.plots` draws recovery,
`millrace.lsl` joins a stream to the Lab Streaming Layer; the last three need their extra, as in
`pip install millrace[river]`.

Arrays are NumPy arrays; T is steps, d inputs, m outputs. Every call raises `millrace.Error` with
the server's code, reason and sentence.
"""

from millrace._client import Client, connect
from millrace._errors import Error
from millrace._learner import Stream, Task
from millrace._results import LearnResult, Prediction, TargetsResult
from millrace._stream import StreamWriter

__all__ = ["Client", "Error", "LearnResult", "Prediction", "Stream", "StreamWriter",
           "TargetsResult", "Task", "connect"]
