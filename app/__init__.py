"""Spout: sees the whale before it surfaces. This page is the map: a folder a room, a line a file.

The journey, which `app.engine.pipeline` tells on one screen:

    source      what a node says, by WebSocket, REST, RPC, ZMQ or Electrum, live or recorded
    -> parse    bytes into `core.observations`; what cannot be read is reported as Skipped, never guessed
    -> track    `core.tracking.tracker`: the one mutator; observations in, events and questions out
    -> detect   is it big enough, and does so much really leave? (`core.tracking.weighing`)
    -> classify who pays whom, how much, how sure, and why (`core.flow`)
    -> forecast when it will confirm, as a distribution (`core.forecasting`)
    -> store    numbered and kept, all or nothing; what is not kept is not published
    -> publish  `bus`: the tee; a slow reader loses its oldest and learns how many
    -> ask      the tracker's questions go to whoever can answer, and come back as observations
    -> show     a Snapshot of now and a History of the past (`views`), for the API and the pages
    -> score    what came of each forecast, and how often it was right (`core.scoring`)

Floors; imports only point down, and import-linter keeps it so (pyproject.toml). One exception: the shapes of
`app.api.models` lie below the faces, so store, dashboard and notifiers import them too.

    __main__, commands, appliance, composition            the shell
    on_request                                            what commands ask a running Spout
    server, service_manager                               what the shell serves and reports to
    api, dashboard, notifiers                             the faces: strangers to each other
    engine                                                one node watched, or recordings played
    source, store, web, local                             adapters: to nodes, disk, browsers, commands
    views, then bus, clock, keyring, logs, metrics, tls   the ground
    correlation, redaction, then settings                 below the ground
    core, errors                                          values in, values out

A folder's outside goes through its `__init__`, its front door. `data` holds what is shipped: the table of
labelled addresses and the demo's recording. A new field of a whale is added in `api.models.whale`, filled in
`api.models.mapping`: API, OpenAPI, stream, stored event and the page's row follow from it. `make schemas`
writes it into docs/schema; the export has it once `store.exporting` names its column; and the pages draw it
where components/evidence.js (the drawer), cells.js (the tables) or whale_csv.js (their CSV) does.

Which library is for which edge: docs/architecture.md. tests/test_map.py compares this page with the tree.

app/  Spout: sees the whale before it surfaces
  __main__               `spout`: the command line
  allocator              How the C library's allocator keeps memory, and how often Python looks for garbage
  appliance              The appliance from start to stop
  bus                    Publish/subscribe
  clock                  Time as an argument
  composition            The composition root
  correlation            The correlation id of the request being handled
  errors                 Every error that Spout raises deliberately
  front_door             Packages whose `__init__` imports a submodule only when one of its names is used
  keyring                Derives all keys from one secret
  logs                   Structured logs on standard error
  metrics                The process's own counters and timings, for Prometheus
  on_request             Answers commands that ask a running Spout over the socket in its data directory
  own_thread             Work on a thread that ends with it, for what nests deep
  redaction              Removes secrets and terminal control sequences from text for people
  server                 The server on the one port
  service_manager        Notifications to systemd (sd_notify(3))
  tls                    The context in which Spout verifies certificates, the same on every Python
  views                  What API and pages read

app/api/  The HTTP API and the event stream
  accuracy               How right Spout was
  alerts                 What rules would send, why an alert came or did not, which hosts were called
  audit                  `GET /api/v1/audit`: what was changed, when and by whom
  backups                `/api/v1/backups`: the backups in the data directory, and one more now
  base                   Base classes of the API's handlers
  deliveries             `/api/v1/deliveries`: alerts sent, their attempts, and redelivery
  docs                   `GET /api/v1/docs`: the OpenAPI document to read, behind the same login or key
  docs_page              The OpenAPI document as a page to read
  endpoints              `/api/v1/endpoints`: the receivers of alerts
  export                 `/api/v1/predictions.csv` and `.parquet`
  exposition             `GET /metrics`: counters and figures from the Snapshot, in Prometheus' format
  guard                  Authentication of API callers
  health                 Health: liveness, and the state of each component
  keys                   `/api/v1/keys`: API keys; a new one is shown once, a revoked one refused at once
  label_import           `POST /api/v1/labels/import`: a file of labels, CSV or BIP-329; all or nothing
  labels                 `/api/v1/labels`: the operator's own labels; a change takes effect within a second
  limits                 Rate limits per caller
  login                  The operator's login
  mount                  Assembles the API's application
  openapi                `GET /api/v1/openapi.json`: generated from the routes, each of which a test demands
  openapi_access         The OpenAPI paths of keys, audit log, backups, password and the import of labels
  openapi_alerts         The OpenAPI paths of endpoints and deliveries
  parts                  The dependencies of the API's handlers, provided by the composition root
  password               `/api/v1/password` and `/api/v1/confirm`
  passwords              The operator's password
  predictions            Predictions: a filtered list, and one with its events
  problems               Errors of the API
  query                  Validates requests into typed models
  routes                 Every route of the API, with its handler
  settings               `/api/v1/settings`: the starred settings, each with its origin; changed at once
  settings_change        What may be changed of the settings while Spout runs
  signal_texts           The JSON of whales that were listed lately
  story                  All that was seen and concluded of one whale, from the store and the tracker's memory
  throttle               Throttles password attempts
  token_route            `POST /api/v1/tokens`: exchanges an API key for a short-lived JWT for the stream
  tokens                 Short-lived tokens
  urgency                The current fee market, as far as known
  widgets                `/api/v1/widgets/…`: Umbrel's home-screen widgets, made from the Snapshot

app/api/models/  Every shape that crosses the edge, once
  access                 Who may ask: API keys, and the short-lived tokens made of them; what was changed
  alerts                 What rules would have sent, and what became of one whale's alerts
  backups                The backups that lie in the data directory
  deliveries             What was sent: each delivery with its attempts
  endpoints              Where alerts go
  events                 Events: the envelope on the stream, in API and webhooks; what each type says
  given                  The kinds of text that requests give, each refused in words that say what to give
  health                 How Spout is: each of its components, and all together
  kinds                  The kinds of value that shapes are made of
  labels                 The operator's own labels
  mapping                From what Spout believes to what it says
  market                 What the fee market is like now
  operator               The starred settings, with where each value comes from
  predictions            Predictions as the API lists them, and one with its whole life
  problems               The one shape of every refusal, on HTTP and on the stream
  reading                Reads what Spout is told into a `Request`, or says in one line what is wrong
  requests               What routes and sockets are asked
  scores                 How right Spout was
  stream                 What the stream says between the events
  whale                  A whale as the API, the stream, the webhooks and the pages tell it
  widgets                Umbrel's home-screen widgets, in the shapes that umbrelOS draws
  written                How it is written where an endpoint sends to

app/api/stream/  The event stream
  clients                The clients of the event stream
  fanout                 From the bus to all clients
  filter                 The filter of a stream client
  frames                 Events as WebSocket frames, each made once for all clients
  recent_events          The newest events, each with its place
  socket                 `WS /api/v1/stream`: authenticate, subscribe, receive events in order; docs/api.md

app/commands/  The commands of `spout`
  asking                 What Spout would ask about what is being recorded, asked
  backup                 `spout backup` and `spout restore`
  doctor                 `spout doctor`: is everything there that Spout needs, and what to do if not
  dump                   Predictions as lines of JSON
  endpoints              `spout endpoints`: where alerts go, for a box without a screen
  export                 `spout export`: the history as a table, beside a running Spout or without one
  keeping                What `spout backup`, `restore`, `export` and `story` share
  keys                   `spout keys`: who may use the API
  labels                 `spout labels`: what the operator knows of addresses
  own_ground             What `spout doctor` says about this machine
  password               `spout password`: a new operator's password
  progress               The progress bar
  record                 `spout record`: a live backend's frames and answers, for `spout replay`
  replay                 `spout replay`: recordings through the whole pipeline, and what came of it
  run                    `spout run`, where it is asked for its help
  settings               `spout settings`: the starred settings
  story                  `spout story`: all that was seen and concluded of one whale, for a bug report
  story_words            A whale's story as text, in the order in which one asks
  summary_table          A replay's summary for people
  surroundings           What every command needs of its surroundings
  version                `spout version`
  watch                  `spout watch`: the event stream in a terminal, as a table or as lines of JSON

app/core/  The domain model and its rules, as pure functions without I/O, clock, randomness or settings
  access                 API keys and the scopes that say what each may do
  backoff                Exponential backoff with jitter, for reconnects and retries
  classification         Flow, moved value and evidence of one transaction, as made by `app.core.flow`
  contract               Timestamps as the API, the events and the webhooks write them
  events                 The contract's event types, and events before and after the store has numbered them
  firsts                 Which source reports transactions first, and its lead over the next one
  models                 Parsed transactions and blocks, the same whichever source they come from
  observations           Observations, the only output of a source
  prediction             The record of one whale from first seen to its end, the same through replacements
  prices                 The price of bitcoin in the operator's currency, from the operator's own backend
  preference             Selects market data of the best fresh source
  questions              Questions of the tracker, which a source that can answers with observations
  recent                 A bounded dictionary that evicts the oldest entry first
  recent_txids           The same for txids that come by the thousand, in a quarter of the memory
  shared                 Holds small equal sets once
  tips                   The chain tip of each source, and how many blocks a source is behind
  totals                 Sums over predictions, as widgets, metrics and MQTT show them
  units                  Units and identifiers as types, such as Txid, Sats, VBytes, SatPerVb and Height
  visibility             How much of mempool and chain the sources show, as a visibility level

app/core/alerts/  Pure rules of alerts
  held                   What quiet hours or a budget held back, summed up in one message
  memory                 What an endpoint's decisions remember
  phrases                The words for amounts, parties and forecasts of a whale, for one line on a phone
  policy                 What holds for one endpoint
  privacy                Private labels stay within Spout
  quiet                  Quiet hours as intervals of real time, through changes of daylight saving
  replaying              What an endpoint would have been sent
  rules                  Which events an endpoint gets, by type, flow, amount, urgency and entity
  schedule               Retry schedule of an endpoint's deliveries, until the endpoint is disabled
  watching               What an endpoint watches besides whales
  watching_past          What an endpoint's watches would have said of net flow, and its reports
  wording                The text of an alert for a phone

app/core/encoding/  Raw transactions, scripts and addresses, and consensus checks on decoded transactions
  addresses              Conversion between scripts and addresses of every network, with checksums
  base58                 Base58Check (base58 with a four-byte checksum), for p2pkh and p2sh addresses
  bech32                 Segwit addresses, in bech32 for version 0 and bech32m from version 1 on
  check                  Context-free consensus checks on a transaction from any source
  owners                 Scripts that one key or one script controls, whatever their type
  rawtx                  Strict decoding of raw transactions, of the fields that Spout needs
  ripemd160              RIPEMD-160, by OpenSSL where it provides it, in pure Python where it does not
  scripts                Types of output scripts, and prevout scripts derived from scriptSig and witness

app/core/flow/  Classification of transactions by labels into flow, moved value, flags and evidence
  bip329                 Wallet labels in the export format of BIP-329
  change                 Heuristics for which of two outputs is the sender's change, where no label decides
  classifier             Classifies one transaction by flow and moved value, with bounds and evidence
  direction              Volume by flow, and the one flow that names the whole transaction
  entities               Immutable look-up of labelled entities by script, the same on every network
  evidence               The evidence for flow and amount, one sentence for each step that decided
  label_file             Reads a file of labels, CSV or BIP-329, within the limits of every way in
  labels                 Labels of scripts, parsed from the shipped table and the operator's own file
  moved                  The moved value, that is how much leaves the sender, with bounds and certainty
  peel                   Chains of one coin, spent hop by hop in small payments (peel) or whole (sweep)
  shape                  Flags from the shape of a transaction, such as consolidation, batch and coinjoin
  sides                  The sender of a transaction by its inputs, and the labelled owners of its outputs

app/core/forecasting/  Confirmation forecasts from fee market, inflow and block intervals
  eviction               The probability of eviction from a full mempool within 144 blocks
  feerates               Logarithmic feerate buckets of 1 % width, for the queue and its inflow
  firstpassage           First-passage probabilities of a random walk, the blocks' worth of vbytes ahead
  forecaster             Follows the fee market and forecasts the confirmation of each pending whale
  foresight              The figures of forecasts that will be asked for one by one, worked out together at
  inflow                 Arrival rate of new vbytes by feerate, the input with most effect on a forecast
  inflowwatch            Measures the inflow, each arrival once at its package feerate, late-seen ones never
  learning               Fits a recalibration to the outcomes of headline forecasts
  market                 The fee market at one moment, as waiting vbytes by feerate, mempool size and limit
  marketfigures          Figures of the fee market for the API and pages, and detection of fee spikes
  model                  Confirmation probabilities from the vbytes ahead and the inflow above
  pace                   Expected block interval, and vbytes a full block removes from our mempool
  passagetable           The look-up table of first-passage probabilities, averaged over future inflow
  projection             The baseline for scoring, a transaction's place among the source's projected blocks
  queue                  Fee bins of the mempool, and the projected blocks cut from them
  recalibration          Recalibration of probabilities by outcomes, piecewise linear on each horizon's logit
  recentblocks           The tip and the latest block intervals, as a forecast needs them
  urgency                Urgency of a transaction, and congestion of the mempool

app/core/scoring/  Outcomes of forecasts, accuracy figures, and the alarm when accuracy degrades
  figures                Accuracy figures as sums over outcomes and the rates of those
  headline               Outcomes of headline forecasts, from which the forecaster recalibrates
  monitor                Whether the hit rate is degraded, and why, with one event per change of state
  outcomes               Outcomes of forecasts and of whales, by the rules of docs/accuracy.md

app/core/tracking/  Tracking of whales from first seen to their end
  announcements          Events concluded outside the tracker, numbered and stored with its own
  arrivals               Transactions reported in a mempool, in a projected block or in reply to a question
  awaited                Replacements of whales that a source named, by their txid and by the whale's
  beliefs                The tracker's state, and the consequences of the observation being handled
  blocks                 Connects blocks to the chain, scans them for whales, and undoes them in a reorg
  candidates             Transactions that may be whales, while the questions that decide are unanswered
  chain                  The latest blocks of the best chain, and which of them a reorg disconnects
  endings                Confirmation, drop, conflict and return of a whale
  forecast_source        The protocol of a forecaster, as the tracker uses it
  inferred_replacement   Replacements that were not reported, inferred from another spend of the outpoints
  lifecycle              Status transitions of a prediction, as functions from one version to the next
  packages               Packages of pending whales, whose feerate changes when a relative joins or leaves
  presence               Which mempools hold a whale, and which sources are at the tip of the chain
  prevouts               Known and missing prevouts of a transaction, and filling them in
  replacing              Which prediction continues with a replacement, and which ones end by it
  status                 Where a transaction is: waiting, in a block, replaced, or nowhere and so dropped
  story                  The observations of each whale and the conclusions from them, in order
  tracker                The only code that changes tracking state
  unloading              Unloads whales to the store when memory runs short, lowest feerates first
  weighing               Decides whether a transaction with a large total is a whale, and announces it
  whales                 The whales in memory, indexed by txid, outpoint and block

app/data/  What is shipped with the program

app/engine/  The pipeline over live or recorded sources, and the long-running tasks around it
  accuracy               Watches the accuracy of our own forecasts
  clock_steps            Detects steps of the wall clock by comparing it to the monotonic clock
  disk                   Warns before the disk is full
  engine                 Sources, tracker and store of one watched node or demo, from open to close
  inbox                  The bounded queue of observations in front of the pipeline
  joining                Joins transactions reported in bulk one after the other
  memory                 Watches the process's own memory, and has whales unloaded when it stays short
  pipeline               The pipeline from observation to stored and published event, step by step
  prices                 Holds the backend's last prices, and gives the one in the operator's currency
  recalibrate            Recalibrates the forecaster every few hours from the outcomes of its own forecasts
  replay                 Replays recordings through the same pipeline, at full speed or recorded pace
  retention              Prunes old history, only while the wall clock agrees with the last block's time
  safekeeping            Backups of one data directory
  snapshots              Builds the Snapshot of the current state that the API and the pages show
  supervisor             Runs the long-running tasks and restarts those that raise
  whale_policy           Builds the policy for whales from threshold, labels in force and forecast source

app/local/  A socket in the data directory, by which the commands of this machine's own user ask a running
  asking                 A command's end of the socket
  channel                What goes over the socket, both ways
  serving                The appliance's end of the socket

app/settings/  The settings: the environment's, read once and frozen; above them the operator's own, for th
  environment            Where settings come from
  in_force               The settings in force
  kinds                  The kinds of text a setting may hold
  model                  What the operator set, as one frozen model
  reading                Reads the settings, and says in one line what is wrong with them

app/source/  Adapters to nodes
  answering              Routes the tracker's questions to the sources that can answer, and their replies back
  build                  Builds the sources that the settings name, in the order of their trust
  far_sides              The configured node, backend and Electrum server, with health
  filter                 Filters the observations of all sources
  heights                Which blocks are believed: one far above all others waits for a second one
  polling                Polls the backend's REST API while nothing streams
  sources                The sources of one engine together
  visibility_watch       Tracks the visibility level

app/source/backend/  The mempool backend by WebSocket and REST.
  answers                Answers questions about one transaction or block from the backend's REST API
  batch                  Transactions of one frame, of each only what tells whether it matters
  connection             The WebSocket connection
  decode                 The mempool backend's JSON as models and observations
  frame_limit            The maximum frame size (`SPOUT_MAX_FRAME_MB`), derived from the available memory
  frames                 One WebSocket connection's frames as observations
  gathering              Decides when the frames of a flood are left to gather before they are read
  parents                The order of transactions that arrive together: parents before their children
  progress               Decides whether a partial message still makes progress
  rest                   The mempool backend's REST API
  shapes                 The mempool backend's JSON as msgspec types
  slices                 A large frame, cut between its transactions into slices that are decoded in turn
  stream                 The mempool backend's WebSocket
  transport              Transports for REST requests

app/source/bitcoind/  bitcoind by RPC and ZMQ.
  answers                Answers the tracker's questions from the node
  chain                  Follows the node's best chain
  cluster                Reads a waiting transaction with its relatives in the mempool, in few requests
  fees                   Fees and the fee histogram from the node, cheaply enough for a small computer
  kin                    Detects small transactions that may change a large one's mining score
  mempool                Emits arrivals, replacements and removals in the order that the tracker needs
  packages               The packages of a block template, in which a child pays for its parents
  pairing                Pairs notifications into arrivals, removals and replacements, by ZMQ's order
  rpc                    bitcoind's JSON-RPC
  scan                   Scans the node's mempool at a limited rate
  selection              What is paid for a transaction with all its relatives, taken as a miner takes them
  session                One session with the node: from subscribing to ZMQ until the error that ends it
  shapes                 bitcoind's RPC replies as msgspec types, and their conversion to core models
  source                 bitcoind as a source of observations and answers
  zmq_feed               bitcoind's ZMQ notifications
  zmq_topics             Which ZMQ topics are really received

app/source/checks/  Checks of the node, the mempool backend and the Electrum server, for `spout doctor` and
  backend                Checks of the mempool backend for `spout doctor`
  monitor                Checks now and then that node and Electrum server are configured correctly
  node                   Checks of node and Electrum server for doctor and health, each with its remedy

app/source/electrum/  An Electrum server (electrs, Fulcrum) by the Electrum protocol
  answers                Answers questions about one transaction from an Electrum server
  connection             One connection to an Electrum server
  lines                  Lines from a server that is not trusted to end them
  shapes                 The Electrum server's JSON as msgspec types, and block headers decoded
  source                 An Electrum server (electrs, Fulcrum, ElectrumX) beside the node

app/source/recording/  Recordings of a backend
  demo                   The bundled recording as a backend, in a loop, with times shifted to now
  json_lines             The file format of recordings
  play                   Plays recordings
  record                 Records a live backend

app/source/resilience/  Shared by all sources
  health                 The state of a source
  http_client            One server asked over HTTP: bounded replies, connections kept open
  numbers                Ranges of the numbers that strangers send
  optional               Optional requests
  reconnect              The one reconnect loop
  retry                  Retries and the circuit breaker, for REST, RPC and Electrum alike
  seen_txids             The set of mempool transactions already read
  timeout                Waiting with a time limit, by the given Clock
  tls                    The authorities trusted over TLS
  width                  The number of items in JSON, counted before it is decoded

app/store/  Persistent storage
  assembled_versions     Versions that were assembled lately, encoded, by what names them
  assembling             Assembles whales from the rows that versions.py wrote
  backfill               Brings whales that an older Spout wrote up to date
  chain                  The last few hundred block headers, so that a restart knows the chain it followed
  checkpoint             Makes a checkpoint safe against a kill or a power cut in the middle of it
  connections            Connections to DuckDB, how they are opened and locked up
  database               One DuckDB database: one thread writes
  duckdb_errors          Maps DuckDB's error messages to our errors
  events                 Reads stored events
  exporting              The history as a table, in CSV or Parquet
  filters                What a search asks for, as SQL
  journal                Batches as they were appended, until their rows are written out
  known_ids              Which predictions have rows
  lock                   The lock on a data directory, released by the kernel however its process ends
  migrations             The schema as numbered steps
  moving                 Migrates versions of schemas 1 to 3 to the tables of schema 4
  opening                Opens the database whatever its state, and reports what was repaired
  packing                Serialises values
  parsed_statements      Statements that are parsed once
  predictions            Stores events and predictions
  pulse                  Probes the database periodically
  quarantine             Quarantines unreadable files
  queries                Queries of whales by name and state, and what the retention deletes
  reader                 Reads of one database on a thread and a cursor of their own
  recall                 Reloads whales that were unloaded when memory ran short
  records                Converts predictions and events to rows, and back
  searching              Searches for whales
  table_writer           Writes batches to the tables that are asked
  transitions            The visibility level over time
  versions               Writes whales to the database
  watermark              The last acknowledged sequence number, in a file of its own, to detect lost events

app/store/accounts/  How right Spout was, as rows
  cube                   Outcomes added up by day and group, as arrays
  days                   The sums of each day and of several days, remembered while no row of them changes
  keeping                Days that go with the retention leave their sums behind
  leads                  Lead times of many whales by group, from which quantiles are picked
  ledger                 The rows of outcomes, written in the transaction of the prediction they are of
  misses                 What was missed, one by one, and how long before their block whales were known
  reading                The figures, read from the store
  statements             The statements that read outcomes as columns for cube.py

app/store/backup/  Backups: one file that holds the history and the operator's data, and no secret
  foreign                The process that opens a stranger's file
  frames                 What the process that opens a stranger's file says
  installing             Puts a prepared database in the place of the one there, which is kept beside it
  listing                The nightly backups in the data directory
  operator               The operator's data in a backup
  preparing              Makes a new database of a backup's rows, in a folder of its own
  seal                   The end of a backup file
  shape                  The tables of a schema, and what a column of each kind may hold
  writing                Writes a backup

app/store/operator/  The operator's data in SQLite
  audit                  What was changed, when and by whom
  file                   The operator's data in a file of its own
  keys                   API keys
  labels                 The operator's own labels, one per script
  settings               The operator's own values of the starred settings

app/web/  Shared by API and pages
  access_log             The access log
  bokeh_app              Panel's pages as one Tornado application
  bundle                 The interface by which `dashboard` passes its pages to `app.server`
  connections            Limits the connections of unauthenticated clients
  correlated             Runs the code of one request under its correlation id
  ended                  Sessions that were logged out, until their expiry
  entrance               The port and the door behind it
  first                  Handlers available at once
  gate                   Access control for the pages
  headers                The headers of every response, added in Tornado's output transforms
  http_server            Tornado's server with limits for unauthenticated clients
  origin                 The origin of a request, by headers that a foreign page cannot forge
  pages_html             The two pages that must work before the dashboard does
  password_file          The hash of the operator's password, if `spout password` or the page has set one
  proxies                The trusted proxies (`SPOUT_TRUSTED_PROXIES`), and the client they report
  refusals               The body of every error
  sessions               The operator's session
  sockets                Base classes of every WebSocket

dashboard/  The pages in the browser
  application            How a page is served
  assets                 Everything a browser loads, under one address with a fingerprint
  build                  All pages, ready to be mounted
  figures                Bokeh figures in our look
  format                 The words and numbers of the pages, in one place
  forms                  A form from a pydantic model
  log_tail               The last lines of the log, for the System page
  look                   Our look on Panel's own widgets
  page                   What a page is
  theme                  The one place for colours, type and spacing
  writes                 Panel's queue of messages to a browser, mended

dashboard/accuracy/  What the Accuracy page shows
  figures                The Accuracy page's Bokeh figures
  words                  How right Spout was, in words and rows

dashboard/components/  The component library
  base                   What all our components are
  form                   What a person types and presses
  live                   What shows the whales of now
  paged_table            Rows by the hundred thousand
  shown                  What Python shows on a page with a session
  system                 What shows how the appliance itself is

dashboard/feed/  What the pages show of now, rendered once for all readers, and their socket
  bubbles                Time against feerate
  channel                One page's numbered stream
  flow                   Flow over time
  live                   What the Live page shows at one moment
  page_state             What a page shows at one moment, as plain values
  past                   Confirmed whales of the last seven days, for the flow chart
  queue                  The queue: the projected blocks by feerate, with each waiting whale where it floats
  rows                   One whale as a line of the live tables
  samples                What the System page remembers
  socket                 The pages' own WebSocket, `/api/v1/live`
  states                 Words for every state, and what happens next
  status                 What a page shows that has no news of its own
  system                 What the System page shows at one moment
  whale                  The drawer: everything that is known of one whale

dashboard/gallery/  The component library to look at
  __main__               `python -m dashboard.gallery [PORT]`: serves it on this machine alone
  page                   The gallery's one page
  sample                 The sample data of the gallery
  serving                Serves pages on a port of this machine as the appliance mounts them

dashboard/history/  What the History page shows
  figures                The History page's Bokeh figure
  words                  What the History page says of a search, in words and rows

dashboard/pages/  Every page that stands, in the order of the navigation
  accuracy               The Accuracy page, `/accuracy`
  fees                   The Fees page: what a place in a block costs, and what the last day's whales paid
  history                The History page, `/history`
  live                   The Live page, composed of Panel objects
  settings               The Settings page, `/settings`
  system                 The System page
  wall                   The wall view, `/wall`

dashboard/settings/  What the Settings page shows
  components             The parts of the Settings page
  words                  What the Settings page calls things

notifiers/  Where alerts go
  assembly               From settings to the parts
  attempts               Attempts as rows, and what follows of each
  bounded                The reading side of a connection, cut off where the other side talks without end
  called_hosts           Every host that was ever called, each kept once
  catalogue              Apprise's services that are offered, read without importing any
  delivery_history       What was sent and why, and sent again
  desk                   What the API and the command line ask of endpoints and deliveries
  dial                   One attempt as seen from beneath
  dialler                The one way out for alerts
  directory              The endpoints, with the operator's data
  dispatcher             Sends what the outbox holds
  event_log              The numbered events, as the store keeps them
  heartbeat              Calls a push monitor every few minutes while detection works
  held                   Deliveries that were held back, as rows
  http                   What Apprise's plugins find in place of the module `requests`
  intake                 From what the API or the command line gives to an endpoint to keep, and back
  lanes                  A lane for each endpoint, kept as the endpoints are
  mail                   What Apprise's email plugin finds in place of the module `smtplib`
  messages               What is sent, made of an event
  model                  An endpoint as the senders need it, with its secrets
  mqtt                   Tells an MQTT broker, with Home Assistant's discovery
  mqtt_entities          What MQTT tells
  outbox                 The outbox in DuckDB
  outcomes               What an attempt came to, read from what was answered
  pace                   How fast an endpoint may be sent to
  policies               From an endpoint as it is kept to what holds for it
  postroom               The sending threads
  previewing             What an endpoint of these rules would have sent
  progress               How endpoints fared so far, from the attempts that are kept
  proxy                  The SOCKS proxy that public and onion endpoints are reached through
  redaction              Takes an endpoint's own secrets out of what is kept or logged about it
  roster                 The endpoints as they were last read, and what follows them
  routes                 Which endpoints are sent to, and what of an event may leave Spout
  routing                Decides what of each event goes to which endpoint, in the transaction of the event
  rows                   Deliveries as rows, written in the transaction of their events
  sealing                Secrets at rest
  senders                One attempt: an endpoint and a message in, an outcome out
  service                The rider in the store's transaction, dispatcher, watches, heartbeats
  services               Apprise's plugins, of the offered services alone, with our way out in place of theirs
  signing                Standard Webhooks 1.0.0
  states                 What the outbox says about endpoints and deliveries, as the API tells it
  targets                Where an alert may call
  telegram               Apprise's Telegram plugin, with what it leaves out
  timekeeper             What is due by time alone
  together               Does in one transaction what several ask for at one moment
  trying                 A test of an endpoint
  waiting                What the endpoints' queues hold
  walls                  An audit hook around the threads that send
  watcher                Looks after what endpoints watch besides whales
  webhook                Our own plugin of Apprise
  why                    Why an alert of a whale came, or did not, endpoint by endpoint
"""
