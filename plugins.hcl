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
  # max_body        = "32MiB"  # largest request
  # access_log      = "info"   # level of the line that each request gets: debug, info, warn; off: errors of the server only

  # Examples:
  # allowed_hosts      = ["strobe.example"] # Host headers to answer beside the listening address's own
  # control_token_file = "control.token"    # bearer tokens that open every route, one a line
  # api_key_file       = "api.key"          # bearer token of the generation routes, alone in a file
  # runtime_dir        = "/run/strobe"      # for sockets; a short path, made with mode 0700
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

# A model is a chain of stages. Each stage is a plugin in processes of its own, and images flow from stage to stage.
# A stage's plugin is named like the stage unless `plugin` says otherwise.

model "emoji" {
  stage "diffusion" {
    plugin   = "dit"
    replicas = 1 # processes that share the requests
    config {
      device = "cpu"
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
}

# Perfetto's native format, one file a profile, exact to the nanosecond: `strobe profile start --profiler perfetto`.
profiler "perfetto" {
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
# }
# profiler "steps" {
# }
