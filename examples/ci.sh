#!/bin/sh
# What a CI job does once an emulator or a phone is attached: wait for it, test, compare. All that tells
# why something failed is in $OUT: JUnit of both, the doctor's report, logs, and the run's page.
#
#   sh ci.sh                the suite and the QA run: every night
#   SCENARIO= sh ci.sh      the suite alone: on each push
set -eu
OUT=${OUT:-artifacts}
SCENARIO=${SCENARIO-scenarios/background.yaml}
mkdir -p "$OUT"

droidreclaim devices --wait "${WAIT_S:-300}" --adb-root
droidreclaim doctor --report "$OUT/doctor.txt"

failed=0
pytest pytest --droid-required --droid-artifacts "$OUT/tests" --junitxml "$OUT/pytest.xml" || failed=$?
if [ -n "$SCENARIO" ]; then
    droidreclaim run "$SCENARIO" --rounds "${ROUNDS:-12}" \
        --out "$OUT/run" --force --junit "$OUT/run.xml" || failed=$?
fi
exit $failed
