# Every command of the project. The set-up runs by itself the first time and again when what it reads changes.
PYTHON_VENV := .venv/bin/python
EMITE := .venv/bin/emite
OUT ?= salida
PORT ?= 8000
PYTEST_ARGS ?=

SETUP := .ci/setup pyproject.toml $(wildcard src/emite/cfdi/codes/*.py)

.DEFAULT_GOAL := help
.PHONY: help demo demo-once run test check golden bench faults fuzz pictures model

help:  ## muestra estos comandos
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

demo: .venv/.ready-run  ## prepara todo, siembra un hospital inventado y lo sirve en 127.0.0.1:8000
	@$(EMITE) demo --port $(PORT)

demo-once: .venv/.ready-run  ## recorre los caminos sin nadie y deja los documentos en OUT=salida
	@$(EMITE) demo --once --out "$(OUT)"

run: .venv/.ready-run  ## inicia esta instalación: base de datos, web y trabajador
	@$(EMITE) run --port $(PORT)

check: .venv/.ready-test  ## estilo, tipos, contratos de importación, migraciones, paquetes y secretos
	@.ci/check

test: .venv/.ready-test  ## todo lo anterior y las pruebas
	@.ci/test $(PYTEST_ARGS)

golden: .venv/.ready-test  ## la corrida larga de facturas y pagos al azar contra todos los jueces
	@$(PYTHON_VENV) -m tests.golden.run
	@$(PYTHON_VENV) -m tests.golden.payments

bench: .venv/.ready-test  ## nuestras cifras junto al piso, a satcfdi y a la meta, en una corrida y una tabla
	@$(PYTHON_VENV) -m benchmarks

pictures: .venv/.ready-test  ## las imágenes del README y de las guías, de una demostración propia
	@$(PYTHON_VENV) -m tests.flows.pictures

faults: .venv/.ready-test  ## diez mil muertes por cada clase de PAC (EMITE_KILLS, en total, 30000) 50 rivales en 200 cargos, la red hacia el PAC rota 1,200 veces por clase y 20,000 solicitudes inventadas a la API
	@EMITE_KILLS=$${EMITE_KILLS:-30000} EMITE_END_KILLS=$${EMITE_END_KILLS:-3000} \
		EMITE_RIVAL_CHARGES=$${EMITE_RIVAL_CHARGES:-200} EMITE_FLEET_KILLS=$${EMITE_FLEET_KILLS:-100} \
		EMITE_API_CASES=$${EMITE_API_CASES:-20000} EMITE_NETWORK_ROUNDS=$${EMITE_NETWORK_ROUNDS:-100} \
		$(PYTHON_VENV) -m pytest -q -s tests/faults tests/concurrency tests/web/api/test_schema.py </dev/null

fuzz: .venv/.ready-test  ## bytes echados a perder para cada lector de archivos (EMITE_FUZZ_SECONDS, 60 por lector; mejor con atheris)
	@$(PYTHON_VENV) -W ignore::RuntimeWarning -m tests.fuzz

model: .venv/.ready-test  ## la vida de las facturas en pasos que nadie eligió (EMITE_LIFE_STEPS, 50000)
	@EMITE_LIFE_STEPS=$${EMITE_LIFE_STEPS:-50000} $(PYTHON_VENV) -m pytest -q -s tests/life </dev/null

.venv/.ready-run: requirements/run.txt requirements/sat.txt $(SETUP)
	@.ci/setup run

.venv/.ready-test: requirements/dev.txt $(SETUP)
	@.ci/setup test
