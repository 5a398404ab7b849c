/**
 * What is asked of Windows: its own counters tell what each process holds, of every maker and without an administrator,
 * where nvidia-smi says N/A (WDDM) and AMD and Intel have no tool. By CIM class, because the names of counters are
 * translated (`Get-Counter`) and those of classes are not; one shell that goes on, because a start takes half a second.
 * https://learn.microsoft.com/windows-hardware/drivers/display/gpu-performance-counters
 */

/** Each round costs the counters' provider some CPU time; who holds memory changes slowly. */
const SHORTEST_PAUSE_MS = 3_000;

const DISPLAY_CLASS =
  'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Class\\{4d36e968-e325-11ce-bfc1-08002be10318}';
const COUNTERS = 'Win32_PerfFormattedData_GPUPerformanceCounters_GPU';

/** Sizes go as text: they may exceed what a JSON number holds exactly. */
const SETUP = [
  "$ErrorActionPreference = 'Stop'",
  '[Console]::OutputEncoding = [Text.Encoding]::UTF8',
  // written as a number by some drivers, as bytes by others
  'function size($v) { if ($v -isnot [byte[]]) { "$v" } elseif ($v.Length -ge 8) { "$([BitConverter]::ToUInt64($v, 0))" } }',
  // `Win32_VideoController.AdapterRAM` has 32 bits and stops at 4 GiB
  `$boards = @(Get-ItemProperty '${DISPLAY_CLASS}\\0*' -ErrorAction SilentlyContinue | ForEach-Object { @{` +
    " name = $_.DriverDesc; id = $_.MatchingDeviceId; driver = $_.DriverVersion; bytes = size $_.'HardwareInformation.qwMemorySize' } })",
  "$adapters = @(Get-ItemProperty 'HKLM:\\SOFTWARE\\Microsoft\\DirectX\\*' -ErrorAction SilentlyContinue | Where-Object AdapterLuid | ForEach-Object { @{" +
    ' luid = "$($_.AdapterLuid)"; name = $_.Description; vendor = $_.VendorId; bytes = "$($_.DedicatedVideoMemory)" } })',
];

const ROUND = [
  `$used = @(Get-CimInstance ${COUNTERS}AdapterMemory | ForEach-Object { @{ of = $_.Name; bytes = "$($_.DedicatedUsage)" } })`,
  // what is resident; `DedicatedUsage` is what is committed, whose sum can exceed the card
  `$held = @(Get-CimInstance ${COUNTERS}ProcessMemory | Where-Object LocalUsage | ForEach-Object { @{ of = $_.Name; bytes = "$($_.LocalUsage)" } })`,
  "[Console]::Out.WriteLine('0, ' + (ConvertTo-Json -Compress -Depth 4 @{ boards = $boards; adapters = $adapters; used = $used; held = $held }))",
  `if ($every) { Start-Sleep -Milliseconds ([Math]::Max($every, ${String(SHORTEST_PAUSE_MS)})) }`,
];

/** A header, then one row per round; `-every MILLISECONDS` behind it makes it go on. */
export const COUNTERS_HEADER = 'index, counters';
export const COUNTERS_SCRIPT =
  `& { param([int]$every) ${SETUP.join('; ')}; [Console]::Out.WriteLine('${COUNTERS_HEADER}');` +
  ` do { ${ROUND.join('; ')} } while ($every) }`;
