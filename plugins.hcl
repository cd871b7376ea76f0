# The configuration of `strobe serve`.
#
# This is the built-in default, which a server uses when it finds no other. Copy it into a folder as plugins.hcl and start
# strobe there, or name a file with --config. `strobe validate` checks a file without serving.
#
# Every key that is commented out shows its default, unless it is said to be an example. Relative paths and commands are
# resolved against the folder of this file; of the built-in default, against the working folder.

server {
  listen    = "127.0.0.1:8091" # off loopback, the profile routes need control_token_file
  model     = "emoji"          # the model to serve, one of those below
  profilers = ["chrome"]       # what every profile is exported with; [] turns profiling off

  # queue           = 64       # requests that wait; one more is answered 503
  # request_timeout = "300s"   # from arrival to the answer
  # max_body        = "32MiB"  # largest request; those in flight hold 32 times as much at most, with their pictures unpacked
  # access_log      = "info"   # level of the line that each request gets: debug, info, warn; off: errors of the server only

  # Examples:
  # max_plugin_memory  = "8GiB"             # of each plugin's process, with its children; stages, profilers and plugins may have a max_memory of their own
  # cgroup             = "/sys/fs/cgroup/strobe" # a cgroup folder for a cgroup of each plugin; "auto": one delegated to the server; "off"
  # allowed_hosts      = ["strobe.example"] # Host headers to answer beside the listening address's own
  # control_token_file = "control.token"    # bearer tokens that open every route; or STROBE_CONTROL_TOKEN
  # read_token_file    = "read.token"       # those that only look at profiles; or STROBE_READ_TOKEN
  # api_key_file       = "api.keys"         # those that make images; or STROBE_API_KEY
  # runtime_dir        = "/run/strobe"      # for sockets; a short path, made with mode 0700

  # A token file has one token a line, or a name for the log and a token, and mode 0600. A token has 16 characters or more; a
  # shorter one works, with a warning. The file is read again when it changes; one that was emptied or deleted opens nothing.

  # What callers may take. These are the defaults; 0 a minute is no limit.
  # limits {
  #   starts_per_minute      = 120     # starts and snapshots of profiles, all callers together; a quarter of it at once
  #   generations_per_minute = 0       # requests for images, of each key; a quarter of it at once
  #   connections            = 4096    # open at once; more wait
  #   connections_per_client = 2048    # open at once from one address, of IPv6 from one /64; more are closed
  #   header_timeout         = "10s"   # for a request's header to come
  #   body_timeout           = "2m"    # for its body to come
  #   idle_timeout           = "2m"    # from an answer to the next request on its connection
  #   stall_timeout          = "1m"    # for each MiB of an answer to be taken
  #   max_header             = "64KiB" # of a request
  # }

  # TLS on every TCP listener, 1.2 at least. The files are read again when they change. An example:
  # tls {
  #   cert = "server.crt" # PEM: the certificate, then those that lead to its root
  #   key  = "server.key"
  # }

  # A listener with all routes, which takes those of profiles and metrics off `listen`: there they are then 404. A socket is
  # for the server's own user (mode 0600). An example:
  # admin {
  #   listen = "unix:///run/strobe/admin.sock" # or host:port
  # }
}

profile {
  dir          = "profiles" # one folder a profile is made here
  max_duration = "10m"      # a profile ends by itself after this
  max_bytes    = "1GiB"     # of one profile: half for the recordings, half for what profilers write
  keep         = 20         # finished profiles kept; older ones go

  # record_prompts = false    # true: a profile may hold the prompts of requests, when its caller asks for that, too
  # min_free_bytes = "256MiB" # of the disk: below it old profiles go, then none starts and the active one ends; "0B": nobody looks

  # Examples. Active and pinned profiles never go, and the newest one goes by its age only. `strobe validate` prints the most
  # that profiles take on disk.
  # max_total_bytes = "10GiB" # of all finished profiles together; older ones go
  # max_age         = "168h"  # profiles that ended longer ago go
  # sample_every    = 1000    # one of so many generations, drawn by chance, gets a profile of itself; the flight recorder makes way for it
  # control         = "cuda_profiler_api" # profiles tell an outside profiler of CUDA, such as nsys, to begin and end, and leave CUPTI to it
}

# Record all the time and remember the last seconds: `strobe profile snapshot` turns them into a profile, and so does a
# trigger, which is limited in rate. What it takes is bounded in bytes and time. An example:
# flight_recorder {
#   window    = "30s"   # how far back
#   max_bytes = "64MiB" # of all processes together, at least 8MiB each
#   keep      = 5       # profiles that triggers made, and those of what a killed server remembered; beside profile.keep others
#   trigger "slow" {
#     slower_than = "2s" # a request that took longer
#   }
#   trigger "p99" {
#     factor = 3 # a request that took longer than so many times the 99th percentile of the last ones
#   }
#   trigger "error" {
#     after = "1s" # what follows belongs to the snapshot too
#   }
#   trigger "death" {
#     min_interval = "1m" # from one snapshot of a trigger to its next
#   }
# }

# Trace every request of the server, profile or not, into an OpenTelemetry backend. An example:
# telemetry {
#   otlp {
#     endpoint = "127.0.0.1:4317" # of OTLP/gRPC; OTEL_EXPORTER_OTLP_ENDPOINT counts when this is not set
#     insecure = true             # no TLS
#     ratio    = 0.1              # of the requests whose caller did not decide; all unless this is set
#   }
# }

# A model is a chain of stages. Each stage is a plugin in processes of its own, and images flow from stage to stage.
# A stage's plugin is named like the stage unless `plugin` says otherwise.

model "emoji" {
  stage "diffusion" {
    plugin   = "dit"
    replicas = 1 # processes that share the requests
    # progress_timeout = "5m"  # a request of which no step ends for so long ends its process, which is started again; "0s": nobody looks
    # cancel_timeout   = "30s" # the same for one that goes on for so long after it was cancelled
    # An example:
    # max_memory = "16GiB" # of each process, with its children: beyond it the process is ended and started again
    config {
      device = "cpu"
      # cuda = "auto" # device events in profiles where there is a GPU; "required": no profile without them; "off"
    }
  }
  stage "resize" {
  }
}

# Made-up weights at the scale of real models, for profiling. Costs are real, pictures are not. An example:
# model "emoji-xl" {
#   stage "diffusion" {
#     plugin   = "dit"
#     replicas = 2
#     config {
#       weights = "random"
#       preset  = "xl" # s, m or xl
#     }
#   }
#   stage "resize" {
#   }
# }

# Chrome trace files, for ui.perfetto.dev, TensorBoard, speedscope and HolisticTraceAnalysis.
profiler "chrome" {
  # finish_timeout = "10m" # for an export to be complete
}

# Perfetto's native format, one file a profile, exact to the nanosecond: `strobe profile start --profiler perfetto`.
profiler "perfetto" {
}

# Distributed traces over OTLP/gRPC, live, for Jaeger, Tempo, the OpenTelemetry Collector and the like:
# `strobe profile start --profiler otlp`. A backend that is not there stops nothing: what it did not get can be sent later.
profiler "otlp" {
  # config {
  #   endpoint    = "127.0.0.1:4317" # or a URL; OTEL_EXPORTER_OTLP_ENDPOINT counts when this is not set
  #   insecure    = true             # no TLS
  #   detail      = "step"           # request, step, operator or device: how fine the spans are
  #   compression = "none"           # or "gzip"
  # }
}

# An SQLite file as Nsight Systems exports it, for `nsys stats` and SQL: `strobe profile start --profiler nsight`.
profiler "nsight" {
}

# Measures the host while a profile runs: processor time, memory and context switches of core and the ranks, power, clocks
# and memory of GPUs. Every profiler of the same profile exports it: `strobe profile start --profiler chrome --profiler hostmon`,
# or add "hostmon" to server.profilers.
profiler "hostmon" {
  # config {
  #   interval = "200ms" # between two samples
  # }
}

# A plugin of your own: any program that speaks the protocol, pinned by its checksum if you like. An example:
# plugin "steps" {
#   kind    = "profiler"
#   command = ["./bin/profiler-steps"]
#   sha256  = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#   max_memory = "2GiB" # of each of its processes
# }
# profiler "steps" {
# }
