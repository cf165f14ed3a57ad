--TEST--
Batches and chains
--FILE--
<?php
use AppServer\{Batch, Chain, Client, Job};

final class Shout extends Job
{
    public function __construct(private readonly string $what, public ?DateTimeImmutable $at = null)
    {
    }

    public function run() {}
}

$file = sys_get_temp_dir() . '/appserver-jobs-' . getmypid() . '-batch';
$client = (new Client())->withJob(priority: 2);
$id = (new Batch('sums', $client))
    ->add('add', 1, 2)
    ->add('add', 3, b: 4)
    ->add(new Shout('in a batch'))
    ->queue();
$batch = Batch::find($id)->await(30);
var_dump($batch->id === $id, $batch->name, $batch->total, $batch->done, $batch->failed, $batch->cancelled, $batch->isOver());

$id = (new Batch())->add('job_fails', 'no')->add('add', 1, 1)->allowFailures()->queue();
$batch = Batch::find($id)->await(30);
var_dump($batch->done, $batch->failed);

$held = (new Batch('held', (new Client())->withJob(delay: 3600)))->add('add', 1, 2)->add('add', 3, 4)->queue();
var_dump(Batch::find($held)->isOver(), Batch::find($held)->cancel(), Batch::find($held)->refresh()->cancelled);
var_dump(Batch::find('nonsense'));

function lines(string $file, int $count): string
{
    $give_up = microtime(true) + 30;
    do {
        usleep(2_000);
        $text = file_exists($file) ? file_get_contents($file) : '';
    } while (substr_count($text, "\n") < $count && microtime(true) < $give_up);
    @unlink($file);
    return $text;
}

// What follows gets the batch's id first.
$id = (new Batch())->add('add', 1, 2)
    ->then('job_notes', $file, 'then')->catch('job_notes', $file, 'catch')->finally('job_notes', $file, 'finally')
    ->queue();
$noted = explode("\n", trim(str_replace($id, 'ID', lines($file, 2))));
sort($noted);
echo implode("\n", $noted), "\n";

$id = (new Batch())->add('job_fails', 'no')->add('job_fails', 'nor this')->allowFailures()
    ->then('job_notes', $file, 'then')->catch('job_notes', $file, 'catch')->finally('job_notes', $file, 'finally')
    ->queue();
$noted = explode("\n", trim(str_replace($id, 'ID', lines($file, 2))));
sort($noted);
echo implode("\n", $noted), "\n";

// What one returns comes before the arguments of the next.
$id = (new Chain($client))->add('add', 1, 2)->add('add', 10)->add(new Shout('sum'))->add('job_notes', $file, 'last')->queue();
var_dump(Job::find($id)->await(), Job::find($id)->priority);
echo lines($file, 1);

// Each step leads to the next, and a batch to what followed it.
for ($job = Job::find($id); $job->next !== null; $job = $job->refresh()) {
    $job = Job::find($job->next);
    $job->await();
    echo $job->function, "\n";
}
$id = (new Batch())->add('job_fails', 'no')->allowFailures()
    ->then('job_notes', $file, 'then')->catch('job_notes', $file, 'catch')->finally('job_notes', $file, 'finally')
    ->queue();
$batch = Batch::find($id)->await(30);
var_dump($batch->then);
foreach ([$batch->catch, $batch->finally] as $followed) {
    Job::find($followed)->await();
}
lines($file, 2);
$batch = Batch::find((new Batch())->add('add', 1, 2)->then('add', 3)->queue())->await(30);
echo Job::find($batch->then)->function, "\n";
var_dump($batch->catch, $batch->finally);
?>
--EXPECT--
bool(true)
string(4) "sums"
int(3)
int(3)
int(0)
int(0)
bool(true)
int(1)
int(1)
bool(false)
bool(true)
int(2)
NULL
finally: "ID"
then: "ID"
catch: "ID"
finally: "ID"
int(3)
int(2)
last: "SUM 13"
add
Shout::run
job_notes
NULL
add
NULL
NULL
