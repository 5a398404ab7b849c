/** Files of the kernel as machines of our own making would have them: paths and contents. */
type Tree = Record<string, string>;

const AMD_CARD = '/sys/class/drm/card1/device';
const AMD_SECOND = '/sys/class/drm/card0/device';

/** Two cards, the second first on the bus; one compute process on both, one that draws. */
export function amdFiles(): Tree {
  return {
    [`${AMD_CARD}/vendor`]: '0x1002\n',
    [`${AMD_CARD}/device`]: '0x744c\n',
    [`${AMD_CARD}/uevent`]: 'DRIVER=amdgpu\nPCI_CLASS=30000\nPCI_SLOT_NAME=0000:03:00.0\n',
    [`${AMD_CARD}/power/runtime_status`]: 'active\n',
    [`${AMD_CARD}/mem_info_vram_total`]: '25753026560\n',
    [`${AMD_CARD}/mem_info_vram_used`]: '9437184000\n',
    [`${AMD_CARD}/mem_info_gtt_total`]: '33608048640\n',
    [`${AMD_CARD}/mem_info_gtt_used`]: '31457280\n',
    [`${AMD_CARD}/gpu_busy_percent`]: '77\n',
    [`${AMD_CARD}/product_name`]: '\n',
    [`${AMD_CARD}/hwmon/hwmon4/temp1_input`]: '61000\n',
    [`${AMD_CARD}/hwmon/hwmon4/power1_average`]: '241000000\n',
    [`${AMD_CARD}/hwmon/hwmon4/power1_cap`]: '327000000\n',
    [`${AMD_SECOND}/vendor`]: '0x1002\n',
    [`${AMD_SECOND}/device`]: '0x7551\n',
    [`${AMD_SECOND}/uevent`]: 'DRIVER=amdgpu\nPCI_SLOT_NAME=0000:c3:00.0\n',
    [`${AMD_SECOND}/power/runtime_status`]: 'active\n',
    [`${AMD_SECOND}/mem_info_vram_total`]: '34208743424\n',
    [`${AMD_SECOND}/mem_info_vram_used`]: '60000000\n',
    [`${AMD_SECOND}/product_name`]: 'AMD Radeon AI PRO R9700\n',
    [`${AMD_SECOND}/hwmon/hwmon5/power1_input`]: '14000000\n',
    '/sys/class/drm/card0-DP-1/device/vendor': 'never read\n',
    '/sys/class/kfd/kfd/topology/nodes/0/gpu_id': '0\n',
    '/sys/class/kfd/kfd/topology/nodes/0/properties': 'cpu_cores_count 16\nlocation_id 0\n',
    '/sys/class/kfd/kfd/topology/nodes/1/gpu_id': '41001\n',
    '/sys/class/kfd/kfd/topology/nodes/1/properties': 'simd_count 96\nlocation_id 768\ndomain 0\n',
    '/sys/class/kfd/kfd/topology/nodes/2/gpu_id': '41002\n',
    '/sys/class/kfd/kfd/topology/nodes/2/properties':
      'simd_count 64\nlocation_id 49920\ndomain 0\n',
    '/sys/class/kfd/kfd/proc/6100/vram_41001': '8589934592\n',
    '/sys/class/kfd/kfd/proc/6100/vram_41002': '33554432\n',
    '/proc/6100/comm': 'python3\n',
    '/proc/6100/fdinfo/9':
      'drm-driver:\tamdgpu\ndrm-pdev:\t0000:03:00.0\ndrm-client-id:\t12\ndrm-memory-vram:\t8388608 KiB\n',
    '/proc/6200/comm': 'kwin_wayland\n',
    '/proc/6200/fdinfo/20':
      'drm-driver:\tamdgpu\ndrm-pdev:\t0000:03:00.0\ndrm-client-id:\t7\ndrm-memory-vram:\t262144 KiB\n',
    '/proc/6200/fdinfo/21':
      'drm-driver:\tamdgpu\ndrm-pdev:\t0000:03:00.0\ndrm-client-id:\t7\ndrm-memory-vram:\t262144 KiB\n',
    '/proc/6200/fdinfo/22':
      'drm-driver:\tamdgpu\ndrm-pdev:\t0000:03:00.0\ndrm-client-id:\t8\ndrm-memory-vram:\t1024 KiB\n',
    '/proc/meminfo': 'MemTotal:       65000000 kB\nMemAvailable:   40000000 kB\n',
  };
}

/** A processor of 128 GB with its GPU; half a GiB is carved out for it. */
export function apuFiles(): Tree {
  return {
    [`${AMD_CARD}/vendor`]: '0x1002\n',
    [`${AMD_CARD}/device`]: '0x1586\n',
    [`${AMD_CARD}/uevent`]: 'PCI_SLOT_NAME=0000:c5:00.0\n',
    [`${AMD_CARD}/mem_info_vram_total`]: '536870912\n',
    [`${AMD_CARD}/mem_info_vram_used`]: '268435456\n',
    [`${AMD_CARD}/mem_info_gtt_total`]: '64424509440\n',
    [`${AMD_CARD}/mem_info_gtt_used`]: '21474836480\n',
    '/proc/meminfo':
      'MemTotal:       131072000 kB\nMemFree: 1000 kB\nMemAvailable:   31457280 kB\n',
  };
}

/** One card with memory files of its own (xe), a processor's GPU, and a card that only its window tells the size of (i915). */
export function intelFiles(): Tree {
  const xe = '/sys/class/drm/card0/device';
  const inside = '/sys/class/drm/card1/device';
  const i915 = '/sys/class/drm/card2/device';
  const bars = (size: number) =>
    `0x0000000081000000 0x0000000081ffffff 0x0000000000140204\n0x0 0x0 0x0\n0x${(2 ** 38).toString(16)} 0x${(2 ** 38 + size - 1).toString(16)} 0x000000000014220c\n`;
  return {
    [`${xe}/vendor`]: '0x8086\n',
    [`${xe}/device`]: '0xe20b\n',
    [`${xe}/uevent`]: 'DRIVER=xe\nPCI_SLOT_NAME=0000:03:00.0\n',
    [`${xe}/tile0/vram0/total_bytes`]: '12809404416\n',
    [`${xe}/tile0/vram0/used_bytes`]: '2147483648\n',
    [`${xe}/resource`]: bars(2 ** 34),
    [`${xe}/hwmon/hwmon2/temp2_input`]: '48000\n',
    [`${inside}/vendor`]: '0x8086\n',
    [`${inside}/device`]: '0x4680\n',
    [`${inside}/uevent`]: 'DRIVER=i915\nPCI_SLOT_NAME=0000:00:02.0\n',
    [`${inside}/resource`]: bars(2 ** 28),
    [`${i915}/vendor`]: '0x8086\n',
    [`${i915}/device`]: '0x56a0\n',
    [`${i915}/uevent`]: 'DRIVER=i915\nPCI_SLOT_NAME=0000:04:00.0\n',
    [`${i915}/resource`]: bars(2 ** 34),
    '/proc/7100/comm': 'ollama\n',
    '/proc/7100/fdinfo/5':
      'drm-driver:\txe\ndrm-pdev:\t0000:03:00.0\ndrm-client-id:\t3\ndrm-resident-vram0:\t1048576 KiB\n',
    '/proc/7100/fdinfo/6':
      'drm-driver:\ti915\ndrm-pdev:\t0000:00:02.0\ndrm-client-id:\t4\ndrm-resident-system0:\t5 MiB\n',
  };
}

export function jetsonFiles(): Tree {
  return {
    '/sys/devices/platform/bus@0/17000000.gpu/load': '437\n',
    '/sys/class/thermal/thermal_zone0/type': 'cpu-thermal\n',
    '/sys/class/thermal/thermal_zone0/temp': '52000\n',
    '/sys/class/thermal/thermal_zone1/type': 'gpu-thermal\n',
    '/sys/class/thermal/thermal_zone1/temp': '47625\n',
    '/proc/device-tree/model': 'NVIDIA Jetson AGX Orin Developer Kit\0',
    '/proc/meminfo':
      'MemTotal:       64325032 kB\nMemFree:         2000000 kB\nMemAvailable:   43000000 kB\nNvMapMemUsed:    8000000 kB\n',
  };
}
