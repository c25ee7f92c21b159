#!/usr/bin/env bash
# sarif-tools 3.0.5: `sarif codeclimate` gives two findings in one line the same fingerprint.
#
# Expected: a fingerprint that is unique to each finding, as the Code Climate specification ("Issues") and GitLab's page on Code
# Quality ask for. The SARIF has all that is needed: another `startColumn` in the region, and even another value in
# `partialFingerprints`, which is there to tell results apart (SARIF 2.1.0, Appendix B).
# Seen: the same name, misspelled twice in one line, makes two entries that are equal in all fields, fingerprint included. Who
# tells findings apart by it, as it is meant, has one left. Twice in two lines makes two fingerprints.
#
# Cause: `read_result_location` in sarif_file_utils.py takes only the file and the line from a result. `_write_to_json` in
# codeclimate_op.py makes the fingerprint from the text, the file and the line. Neither looks at `fingerprints` or
# `partialFingerprints`.
# A user is on the safe side with the SARIF itself, which has the column of each finding, as Runsheet's has. Who needs this
# format can make the fingerprint anew, from the column too.
#
# This script fails if that changes. It needs python3 with venv.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check sarif-tools==3.0.5
FOLDER=$folder "$folder/venv/bin/python" - <<'PYTHON'
import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

FOLDER = Path(os.environ["FOLDER"])


def result(line, column, fingerprint):
    return {
        "ruleId": "unknown-variable",
        "level": "error",
        "message": {"text": "There is no variable `windw`."},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "content/checklist.md"},
                    "region": {"startLine": line, "startColumn": column},
                }
            }
        ],
        "partialFingerprints": {"sample/v1": fingerprint},
    }


def entries(*results):
    run = {"tool": {"driver": {"name": "sample", "rules": [{"id": "unknown-variable"}]}}, "results": results}
    log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    source, target = FOLDER / "sample.sarif", FOLDER / "sample.json"
    source.write_text(json.dumps(log))
    command = [sys.executable, "-m", "sarif", "codeclimate", "--output", str(target), str(source)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return json.loads(target.read_text())


print("sarif-tools", version("sarif-tools"))
first, second = entries(result(12, 5, "a"), result(13, 5, "b"))
assert first["fingerprint"] != second["fingerprint"], "in two lines there are two fingerprints"
first, second = entries(result(12, 5, "a"), result(12, 40, "b"))
assert first["fingerprint"] == second["fingerprint"], "this has changed: the fingerprints differ"
assert first == second, "this has changed: the entries differ"
print("seen: two findings in one line, at columns 5 and 40, are two equal entries with one fingerprint")
PYTHON
