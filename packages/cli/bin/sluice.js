#!/usr/bin/env node
// npm links a command when it installs, before the sources are built: this file is there by then.
import "../dist/main.js";
