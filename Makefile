# Every target does its own set-up into .venv; the README's two commands are `make rehearse` and `make test`.
# PYTHON names the interpreter that the environment is made from (3.11 to 3.13); left out, one is looked for.
PYTHON ?=
STORE ?= templates/stores/appliances.xlsx
OUT ?= out
UV := .venv/bin/uv
READY := .venv/.ready
TESTED := .venv/.browser
export UV_PROJECT_ENVIRONMENT := .venv
export UV_PYTHON_DOWNLOADS := never

.PHONY: setup rehearse test check prove coverage lab dashboard notebooks bench clean

setup: $(READY)

$(READY): pyproject.toml uv.lock .ci/uv.txt
	@bash .ci/setup "$(PYTHON)"
	@touch $@

rehearse: $(READY)
	@.venv/bin/sandtable rehearse "$(STORE)" --out "$(OUT)"

test: $(READY) $(TESTED)
	@bash .ci/test

# The quick loop, under a minute: what the tests marked slow and the browsers hold is left to `make test`.
check: $(READY)
	@bash .ci/check

# The long proofs, of which the tests keep a sample: thousands of random cases, and each notebook by itself.
prove: $(READY)
	@.venv/bin/pytest -n 2 --dist loadfile -o python_files='prove_*.py' tests/prove
	@SANDTABLE_ALONE=1 .venv/bin/pytest -n 2 --dist loadfile --nbval notebooks

# Compiled loops read low: their lines run as machine code.
coverage: $(READY) $(TESTED)
	@.venv/bin/pytest -n 2 --dist loadfile --cov --cov-report=term:skip-covered

$(TESTED): .ci/browser
	@bash .ci/browser
	@touch $@

lab: $(READY)
	@.venv/bin/sandtable lab

dashboard: $(READY)
	@.venv/bin/sandtable dashboard "$(STORE)" --out "$(OUT)"

notebooks: $(READY)
	@.venv/bin/jupyter execute --inplace notebooks/0*.ipynb
	@.venv/bin/nbstripout --keep-count --keep-id notebooks/0*.ipynb

bench: $(READY)
	@$(UV) sync --quiet --frozen --group bench
	@bash .ci/bench

clean:
	rm -rf .venv out build
