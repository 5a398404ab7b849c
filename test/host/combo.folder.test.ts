import './suite/launcher.folder.test';
import './suite/mainJob.folder.test';
import './suite/monitor.folder.test';
import './suite/ollama.folder.test';
import './suite/planner.folder.test';
import './suite/profiles.folder.test';
