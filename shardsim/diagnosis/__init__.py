"""Diagnosis: what is wrong with a run, from its internals and exact values, never from its code."""

from shardsim.diagnosis.artefacts import Artefacts, of_chunks, of_run
from shardsim.diagnosis.diagnose import diagnose
from shardsim.diagnosis.evidence import Diagnosis, Evidence

__all__ = ["Artefacts", "Diagnosis", "Evidence", "diagnose", "of_chunks", "of_run"]
