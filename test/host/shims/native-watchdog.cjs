// Stands in for the native @vscode/native-watchdog: ends a server whose parent died; our reaper does that.
exports.start = () => {};
