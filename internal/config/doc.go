// Package config reads what the operator writes: ceilometer.conf in oslo.config's INI
// dialect, and the YAML files beside it.
//
// It promises that a file which Ceilometer reads is read with the same result, that
// every fault of a file is reported at once, each with file, line, column and what to
// write instead, and that no message holds a secret. No input makes it panic, loop or
// use memory out of proportion.
//
//	conf, warnings, err := config.Load(config.LoadOptions{Files: files, Environ: os.Environ()})
//	batch := conf.Int("polling", "batch_size")
//
// Precedence is flag, environment, file, default. An option that only other programs use
// is known, so that a shared ceilometer.conf draws no complaint about it.
//
// It does not know what polling.yaml or pipeline.yaml mean: their readers live with the
// packages that use them and share [ParseYAML]. It does not watch files for changes.
package config
